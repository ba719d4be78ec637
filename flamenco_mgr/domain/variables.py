"""Variables: names in the settings of commands that mean another text on each platform (configuration.md 6)."""

import re
from collections.abc import Iterator, Mapping
from enum import Enum

from attrs import Factory, field, frozen

WINDOWS = "windows"
"""The platform on which paths are the same with either slash, and in upper and lower case."""

_NAME = re.compile(r"\{([^{}]+)\}")


class Audience(str, Enum):
    """Whom a value is for; each lookup is for one of the last two."""

    ALL = "all"
    WORKERS = "workers"
    USERS = "users"

    __str__ = str.__str__


class Direction(str, Enum):
    """Whether a name only becomes its value, or the value, a path, becomes the name as well."""

    ONEWAY = "oneway"
    TWOWAY = "twoway"

    __str__ = str.__str__


_AUDIENCES: Mapping[Audience, tuple[Audience, ...]] = {
    Audience.ALL: (Audience.WORKERS, Audience.USERS),
    Audience.WORKERS: (Audience.WORKERS,),
    Audience.USERS: (Audience.USERS,),
}


@frozen(kw_only=True)
class VariableValue:
    """What a variable is for an audience on some platforms, as the configuration has it."""

    audience: Audience = Audience.ALL
    platforms: tuple[str, ...]
    value: str


@frozen(kw_only=True)
class Variable:
    """A variable; of its values for one audience and platform the last one counts."""

    name: str
    direction: Direction
    values: tuple[VariableValue, ...] = ()


@frozen(kw_only=True)
class _Root:
    """A two-way value without slashes at its end: as it is written, and as paths of its platform are compared."""

    name: str
    value: str
    prefix: str


@frozen
class _Place:
    """What one audience on one platform knows: every name's value, and the two-way ones, the longest first."""

    values: Mapping[str, str] = field(factory=dict)
    roots: tuple[_Root, ...] = ()


_Key = tuple[Audience, str]
_NOWHERE = _Place()


@frozen
class Variables:
    """All variables, as they are looked up: by audience, platform and name."""

    definitions: tuple[Variable, ...]
    _places: Mapping[_Key, _Place] = field(
        init=False, repr=False, eq=False, default=Factory(lambda self: _places(self.definitions), takes_self=True)
    )

    def value(self, audience: Audience, platform: str, name: str) -> str | None:
        """Return the value of a variable, a two-way one without slashes at its end; None if there is none."""
        return self._places.get((audience, platform), _NOWHERE).values.get(name)

    def replace(self, text: str, audience: Audience, platform: str) -> str:
        """
        Return the text with every ``{name}`` that is known replaced by its value.

        Unknown names stay. It is one pass: what a value contains is not looked at again (configuration.md 6).
        """
        if "{" not in text:
            return text
        values = self._places.get((audience, platform), _NOWHERE).values
        return _NAME.sub(lambda match: values.get(match[1], match[0]), text)

    def unknown(self, text: str, audience: Audience, platform: str) -> tuple[str, ...]:
        """Return the names in a text that have no value there, in order, each once."""
        values = self._places.get((audience, platform), _NOWHERE).values
        return tuple(dict.fromkeys(name for name in _NAME.findall(text) if name not in values))

    def replace_settings(self, settings: Mapping[str, object], audience: Audience, platform: str) -> dict[str, object]:
        """Return a command's settings with variables replaced in its texts; keys and nested values stay as they are."""
        return {
            key: self.replace(value, audience, platform) if isinstance(value, str) else value
            for key, value in settings.items()
        }

    def translate_path(self, path: str, from_platform: str, to_platform: str, audience: Audience) -> str:
        """
        Return a path of one platform as the other one has it, by the longest two-way value that both know.

        A path below none of them, or of the same platform, stays as it is.
        """
        if not path or from_platform == to_platform:
            return path
        spelled = _slashed(path, from_platform)
        there = {root.name: root.value for root in self._places.get((audience, to_platform), _NOWHERE).roots}
        for root in self._places.get((audience, from_platform), _NOWHERE).roots:
            if root.name in there and _is_below(spelled, root.prefix, from_platform):
                return there[root.name] + spelled[len(root.prefix) :] or "/"
        return path


def _places(definitions: tuple[Variable, ...]) -> dict[_Key, _Place]:
    values: dict[_Key, dict[str, str]] = {}
    roots: dict[_Key, dict[str, _Root]] = {}
    for key, variable, text in _each_value(definitions):
        named, rooted = values.setdefault(key, {}), roots.setdefault(key, {})
        rooted.pop(variable.name, None)
        named[variable.name] = text
        if variable.direction is Direction.TWOWAY:
            named[variable.name] = stripped = text.rstrip("/")
            if text:  # an empty value, unlike "/", is the beginning of every path, and says nothing about it
                prefix = _slashed(stripped, key[1]).rstrip("/")
                rooted[variable.name] = _Root(name=variable.name, value=stripped, prefix=prefix)
    return {key: _Place(named, _longest_first(roots[key])) for key, named in values.items()}


def _each_value(definitions: tuple[Variable, ...]) -> Iterator[tuple[_Key, Variable, str]]:
    for variable in definitions:
        for value in variable.values:
            for audience in _AUDIENCES[value.audience]:
                for platform in value.platforms:
                    yield (audience, platform), variable, value.value


def _longest_first(roots: Mapping[str, _Root]) -> tuple[_Root, ...]:
    return tuple(sorted(roots.values(), key=lambda root: len(root.prefix), reverse=True))


def _slashed(path: str, platform: str) -> str:
    return path.replace("\\", "/") if platform == WINDOWS else path


def _is_below(path: str, prefix: str, platform: str) -> bool:
    beginning, rest = path[: len(prefix)], path[len(prefix) :]
    if platform == WINDOWS:
        beginning, prefix = beginning.lower(), prefix.lower()
    return beginning == prefix and (not rest or rest.startswith("/"))
