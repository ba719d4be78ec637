"""The ``variables`` of a configuration: today's form, and what is made of version 1 (configuration.md 4, 6)."""

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import TypeVar

from flamenco_mgr.domain.variables import Audience, Direction, Variable, VariableValue
from flamenco_mgr.settings.kinds import Kind, Plain
from flamenco_mgr.settings.problems import Place, Unfit, Value, nearest, one_of, shown

E = TypeVar("E", bound=Enum)

_VARIABLE_KEYS = ("direction", "values")
_VALUE_KEYS = ("audience", "platform", "platforms", "value")
_ONE_VALUE = "write '{platform: linux, value: …}'"


def by_name(variables: Iterable[Variable]) -> tuple[Variable, ...]:
    """Return variables in the order in which they are written."""
    return tuple(sorted(variables, key=lambda variable: variable.name))


def version_1_variables(document: Mapping[str, Value], place: Place) -> dict[str, Value]:
    """
    Return what a version 1 file defines in today's form (configuration.md 4); mistakes are noted.

    Values without text are left out; those of a variable are in the order of their platforms.
    """
    modern: dict[str, Value] = {}
    for key, direction in (("variables", Direction.ONEWAY), ("path_replacement", Direction.TWOWAY)):
        names = document.get(key)
        if names is not None and not isinstance(names, dict):
            place.key(key).problem("must be a mapping of names", value=shown(names))
            continue
        for name, platforms in (names or {}).items():
            there = place.key(key).key(name)
            if name in modern:
                there.problem("duplicate variable: the name is among the variables as well", suggestion="rename one")
            modern[name] = {"direction": direction.value, "values": _version_1_values(platforms, there)}
    return modern


def _version_1_values(platforms: Value, place: Place) -> list[Value]:
    if not isinstance(platforms, dict):
        place.problem("must be a mapping from platforms to texts", value=shown(platforms))
        return []
    if "direction" in platforms and "values" in platforms:
        place.problem("is of version 2, but the file is of version 1", suggestion="add '_meta: {version: 2}'")
        return []
    values: list[Value] = []
    for platform, value in sorted(platforms.items()):
        if isinstance(value, list | dict):
            place.key(platform).problem("must be a text", value=shown(value))
        elif value:
            values.append({"audience": Audience.ALL.value, "platform": platform, "value": value})
    return values


def _read(value: Value, place: Place) -> tuple[Variable, ...]:
    if not isinstance(value, dict):
        raise Unfit("must be a mapping of names")
    return tuple(_variable(name, about, place.key(name)) for name, about in value.items())


def _variable(name: str, about: Value, place: Place) -> Variable:
    if not name or "{" in name or "}" in name:
        place.problem("cannot be the name of a variable: it is empty or has a brace")
    if not isinstance(about, dict) or not about.keys() & set(_VARIABLE_KEYS):
        suggestion = "platforms right below a name are of version 1, which has no '_meta'" if about else ""
        place.problem("a variable has a direction and values", value=shown(about), suggestion=suggestion)
        return Variable(name=name, direction=Direction.ONEWAY)
    _refuse_unknown(about, _VARIABLE_KEYS, place)
    direction = _named(Direction, about.get("direction"), place.key("direction"))
    values = about.get("values") or []
    if not isinstance(values, list):
        place.key("values").problem("must be a list", value=shown(values), suggestion=_ONE_VALUE)
        values = []
    read = tuple(_value(value, place.key("values").item(index)) for index, value in enumerate(values))
    if direction is Direction.TWOWAY and any("\\" in value.value for value in read):
        place.warn("a two-way value has a backslash; paths with '/' are understood by everybody")
    return Variable(name=name, direction=direction or Direction.ONEWAY, values=read)


def _value(about: Value, place: Place) -> VariableValue:
    if not isinstance(about, dict):
        place.problem("must be a mapping", value=shown(about), suggestion=_ONE_VALUE)
        return VariableValue(platforms=(), value="")
    _refuse_unknown(about, _VALUE_KEYS, place)
    audience = _named(Audience, about.get("audience") or Audience.ALL.value, place.key("audience"))
    value = about.get("value", [])
    if isinstance(value, list | dict):
        place.key("value").problem("must be a text", value=shown(value) if value else "")
    return VariableValue(
        audience=audience or Audience.ALL,
        platforms=_platforms(about, place),
        value=value if isinstance(value, str) else "",
    )


def _platforms(about: Mapping[str, Value], place: Place) -> tuple[str, ...]:
    one, several = about.get("platform"), about.get("platforms")
    if one and several:
        place.warn("has both 'platform' and 'platforms'; the value is taken for all of them")
    every: list[Value] = [one] if one else []
    every += several if isinstance(several, list) else [several] if several else []
    names = [name for name in every if isinstance(name, str) and name]
    if len(names) < len(every):
        place.problem("a platform must be a text", suggestion="write 'platform: linux' or 'platforms: [linux, darwin]'")
    elif not names:
        place.problem("missing platform", suggestion="write 'platform: linux' or 'platforms: [linux, darwin]'")
    return tuple(dict.fromkeys(names))


def _named(kind: type[E], value: Value, place: Place) -> E | None:
    names = [one.value for one in kind]
    if isinstance(value, str) and value in names:
        return kind(value)
    suggestion = nearest(value, names) if isinstance(value, str) else ""
    place.problem(f"must be {one_of(names)}", value=shown(value), suggestion=suggestion)
    return None


def _refuse_unknown(about: Mapping[str, Value], known: tuple[str, ...], place: Place) -> None:
    for key in about:
        if key not in known:
            place.key(key).problem("is unknown", suggestion=nearest(key, known))


def document(variables: tuple[Variable, ...]) -> dict[str, Plain]:
    """Return variables as a file has them, and as the Server is told them."""
    return {
        variable.name: {
            "direction": variable.direction.value,
            "values": [_written_value(value) for value in variable.values],
        }
        for variable in variables
    }


def _written_value(value: VariableValue) -> Plain:
    platforms: dict[str, Plain] = (
        {"platform": value.platforms[0]} if len(value.platforms) == 1 else {"platforms": list(value.platforms)}
    )
    return {"audience": value.audience.value, **platforms, "value": value.value}


VARIABLES = Kind(read=_read, write=document, empty={})


def _everywhere(name: str, direction: Direction, **values: str) -> Variable:
    return Variable(
        name=name,
        direction=direction,
        values=tuple(VariableValue(platforms=(platform,), value=value) for platform, value in values.items()),
    )


_JOBS = {"linux": "/shared/flamenco/jobs", "windows": "S:/flamenco/jobs", "darwin": "/Volumes/Shared/flamenco/jobs"}

EXAMPLES = (
    Variable(
        name="blender",
        direction=Direction.ONEWAY,
        values=(
            VariableValue(audience=Audience.USERS, platforms=("linux",), value="/linux/path/to/blender"),
            VariableValue(audience=Audience.WORKERS, platforms=("linux",), value="/farm/path/to/blender"),
            VariableValue(platforms=("windows",), value="C:/windows/path/to/blender.exe"),
            VariableValue(platforms=("darwin",), value="/Volumes/Applications/Blender/blender"),
        ),
    ),
    _everywhere(
        "ffmpeg",
        Direction.ONEWAY,
        linux="/usr/bin/ffmpeg",
        windows="C:/windows/path/to/ffmpeg.exe",
        darwin="/Volumes/Applications/FFmpeg/ffmpeg",
    ),
    _everywhere("shaman", Direction.ONEWAY, **_JOBS),
    _everywhere("job_storage", Direction.TWOWAY, **_JOBS),
    _everywhere(
        "render",
        Direction.TWOWAY,
        linux="/shared/flamenco/render",
        windows="S:/flamenco/render",
        darwin="/Volumes/Shared/flamenco/render",
    ),
)
"""The variables of a new file: names that everybody uses, and places that nobody has (configuration.md 16.2)."""
