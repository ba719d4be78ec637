"""The configuration becomes a file again (configuration.md 1.7, 16.17)."""

import contextlib
import os
import tempfile
from pathlib import Path
from typing import Any

import yaml

from flamenco_mgr.settings.schema import Settings
from flamenco_mgr.settings.sections import with_paths, write_section

VERSION = 2

_HEADING = """\
# The configuration of a Flamenco Manager, complete.
# It may be edited; a Manager that writes it anew keeps what it says, but not its comments.

"""


class _Dumper(yaml.SafeDumper):
    """Writes lists in one line, unless there are mappings in them, and odd characters as escapes."""


def _list_node(dumper: yaml.SafeDumper, data: list[Any]) -> yaml.Node:
    nested = any(isinstance(item, dict) for item in data)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=not nested)


def _text_node(dumper: yaml.SafeDumper, data: str) -> yaml.Node:
    # Left to itself, the writer takes U+0085 for a line break and makes another one of it.
    return dumper.represent_scalar("tag:yaml.org,2002:str", data, style=None if data.isprintable() else '"')


_Dumper.add_representer(list, _list_node)
_Dumper.add_representer(str, _text_node)


def dump(settings: Settings, mask_secrets: bool) -> str:
    """
    Return the complete file of these settings, which `load` understands, in the order of configuration.md 3.

    With ``mask_secrets`` it is fit to be shown, but not to be loaded.
    """
    document = {"_meta": {"version": VERSION}, **write_section(settings, masked=mask_secrets)}
    text = yaml.dump(
        document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False, width=1 << 20
    )
    return _HEADING + str(text)


def write(path: Path, settings: Settings, rundir: Path) -> bool:
    """
    Replace a configuration file; what was there stays as ``<name>.bak``. False if it says all that already.

    Paths below the run directory are written as they count from there, so that the whole of it can be moved.

    A reader, or a Manager that starts after a crash, sees the old file or the new one, whole. Both are readable by
    their owner alone, who stays the same. A symbolic link stays, and the file it points to is replaced. Raises
    `OSError`.
    """
    file = Path(os.path.realpath(path))
    content = dump(with_paths(settings, lambda place: _from(rundir, place)), mask_secrets=False).encode()
    owner = file.stat() if file.exists() else None
    if owner is not None:
        old = file.read_bytes()
        if old == content:
            return False
        _replace(file.with_name(f"{file.name}.bak"), old, owner)
    _replace(file, content, owner)
    return True


def _from(rundir: Path, place: Path) -> Path:
    return place.relative_to(rundir) if place.is_relative_to(rundir) else place


def _replace(file: Path, content: bytes, owner: os.stat_result | None) -> None:
    descriptor, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)  # readable by its owner alone
    try:
        with os.fdopen(descriptor, "wb") as temporary:
            temporary.write(content)
            temporary.flush()
            if owner is not None:
                with contextlib.suppress(PermissionError):  # only root can give files to others
                    os.fchown(descriptor, owner.st_uid, owner.st_gid)
            os.fsync(descriptor)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink()
        raise
    directory = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
