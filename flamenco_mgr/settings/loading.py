"""A configuration file is found, read, brought up to date and checked (configuration.md 1, 4, 7)."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from attrs import frozen

from flamenco_mgr.settings.document import NoDocument, parse
from flamenco_mgr.settings.problems import ConfigErrors, NoConfigFile, Notes, Place, Problem, Value, shown
from flamenco_mgr.settings.schema import Settings
from flamenco_mgr.settings.sections import read_section, with_paths
from flamenco_mgr.settings.variables import version_1_variables
from flamenco_mgr.settings.writing import VERSION

ENVIRONMENT = "FLAMENCO_MANAGER_CONFIG"
NAMES = ("manager.yaml", "flamenco-manager.yaml")

LARGEST = 256 * 1024
"""Bytes; a large farm's configuration has 20 KiB."""

_ACCESS_OF_OTHERS = stat.S_IRGRP | stat.S_IWGRP | stat.S_IROTH | stat.S_IWOTH


@frozen(kw_only=True)
class Loaded:
    """What a file says, and what in it works but may not be meant."""

    settings: Settings
    warnings: tuple[str, ...] = ()


def find_config(option: Path | None, environment: Mapping[str, str], rundir: Path) -> Path:
    """
    Return the absolute path of the configuration file: the option's, the environment's, or one in the run directory.

    Relative paths count from the run directory. Raises `NoConfigFile` if none is named and none is there; one that is
    named need not exist.
    """
    rundir = rundir.absolute()
    named = option or environment.get(ENVIRONMENT)
    if named:
        return rundir / named
    usual = [rundir / name for name in NAMES]
    for path in usual:
        if os.path.lexists(path):
            return path
    raise NoConfigFile(usual)


def load(path: Path, rundir: Path) -> Loaded:
    """
    Return the settings of a file, with paths absolute: relative ones count from the run directory.

    Raises `ConfigErrors` with all mistakes, and `OSError` if the file cannot be read.
    """
    notes = Notes()
    place = Place(notes)
    try:
        document = parse(_content(path, notes), place)
        settings = read_section(Settings, _up_to_date(document, place), place)
    except NoDocument as e:
        raise ConfigErrors([Problem(path=e.where, reason=e.reason)], str(path)) from e
    if notes.problems:
        raise ConfigErrors(notes.problems, str(path))
    settings = with_paths(settings, lambda place: rundir.absolute() / place)
    return Loaded(settings=settings, warnings=(*notes.warnings, *_doubts(settings)))


def _content(path: Path, notes: Notes) -> bytes:
    with path.open("rb") as file:
        mode = os.fstat(file.fileno()).st_mode
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise NoDocument("the file", f"has more than {LARGEST // 1024} KiB; is it a configuration?")
    if stat.S_ISREG(mode) and mode & _ACCESS_OF_OTHERS:
        notes.warnings.append(
            f"others than its owner have access to {path}, where the farm's secrets belong; its mode should be 600"
        )
    return content


def _up_to_date(document: Value, place: Place) -> dict[str, Value]:
    if document is None:
        raise NoDocument("the file", "is empty; begin with the manager.yaml that comes with the Manager")
    if not isinstance(document, dict):
        raise NoDocument("the file", f"must be a mapping of keys, not {shown(document)}")
    document = dict(document)
    version = _version(document.pop("_meta", None), place)
    if version < VERSION:
        place.warn("the file is of version 1; --write-config brings it up to date")
        document = _from_version_1(document, place)
    elif "path_replacement" in document:
        del document["path_replacement"]
        place.key("path_replacement").problem(
            "is of version 1", suggestion="write 'variables' with 'direction: twoway'"
        )
    document.setdefault("variables", None)  # the examples are for new files (configuration.md 16.2)
    return _completed(document, place)


def _version(meta: Value, place: Place) -> int:
    there = place.key("_meta")
    if meta is None:
        return 1
    if not isinstance(meta, dict):
        there.problem("must be a mapping", value=shown(meta), suggestion=f"write '_meta: {{version: {VERSION}}}'")
        return VERSION
    for key in meta.keys() - {"version"}:
        there.key(key).problem("is unknown")
    version = meta.get("version") or "1"
    if not isinstance(version, str) or not version.isascii() or not version.isdecimal():
        there.key("version").problem("must be a whole number", value=shown(version))
        return VERSION
    if version.lstrip("0") not in ("", "1", "2"):
        reason = f"_meta.version is {shown(version)}; versions above {VERSION} are not understood by this Manager"
        raise NoDocument("the file", reason)
    return int(version)


def _from_version_1(document: dict[str, Value], place: Place) -> dict[str, Value]:
    """Return a document of version 1 as one of today, its defaults written out (configuration.md 4)."""
    modern: dict[str, Value] = {"listen": ":8083", "shaman": {}, **document}
    if document.get("tlskey"):
        modern.setdefault("listen_https", None)  # takes the value of listen
    shaman = modern["shaman"]
    if isinstance(shaman, dict):
        shaman = {
            "enabled": "false",
            "fileStorePath": "../shaman-file-store",
            "checkoutPath": "../shaman-checkout",
            "garbageCollect": {},
            **shaman,
        }
        garbage = shaman["garbageCollect"]
        if isinstance(garbage, dict):
            shaman["garbageCollect"] = {"period": "0", **garbage}
        modern["shaman"] = shaman
    modern["variables"] = dict(version_1_variables(document, place))
    modern.pop("path_replacement", None)
    return modern


def _completed(document: dict[str, Value], place: Place) -> dict[str, Value]:
    """Return the document with the keys filled in that may be empty because of others (configuration.md 1.6, 7)."""
    key, certificate = document.get("tlskey"), document.get("tlscert")
    if bool(key) != bool(certificate):
        place.key("tlscert" if key else "tlskey").problem("is missing: tlskey and tlscert go together")
    if "listen_https" in document and not document["listen_https"]:
        document["listen_https"] = document.get("listen") or str(Settings().listen)
    if key and certificate and "listen" in document and not document["listen"]:
        document["listen"] = document.get("listen_https") or str(Settings().listen_https)
    if "database_path" in document and not document["database_path"] and not document.get("database_url"):
        place.key("database_path").problem("must not be empty unless there is a database_url")
    return document


def _doubts(settings: Settings) -> list[str]:
    doubts = []
    if settings.active_task_timeout_interval <= settings.active_worker_timeout_interval:
        doubts.append(
            "active_task_timeout_interval should be longer than active_worker_timeout_interval: tasks of workers that "
            "vanish fail, instead of going to other workers"
        )
    scheme = "https" if settings.tls else "http"
    if settings.own_url and not settings.own_url.lower().startswith(f"{scheme}://"):
        doubts.append(f"own_url does not begin with {scheme}://, but this Manager listens for that; is there a proxy?")
    if settings.manager_id and not settings.manager_secret:
        doubts.append("manager_id is set, but manager_secret is not: the Server will refuse this Manager")
    return doubts
