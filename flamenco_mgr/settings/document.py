"""
YAML text becomes a tree of texts, lists and mappings, whatever the text is.

All scalars stay text, as an id or a secret of digits would be destroyed otherwise (configuration.md 2); only what is
empty, ``~`` or ``null`` is nothing. Anchors and merges work, within bounds: a small file must not become a big tree.
"""

import re

import yaml
from attrs import define, field

from flamenco_mgr.settings.problems import Place, Value

DEEPEST = 30
"""Levels of nesting; a configuration has five."""

MOST = 50_000
"""Values in the whole tree, with those that aliases repeat."""

_PREFIX = "tag:yaml.org,2002:"
_NOTHING = f"{_PREFIX}null"
_MERGE = f"{_PREFIX}merge"
_TAGS = frozenset(
    _PREFIX + name for name in ("str", "int", "float", "bool", "timestamp", "null", "merge", "seq", "map")
)

_UNWRITABLE = re.compile("[\0\ud800-\udfff]")


class NoDocument(Exception):
    """A text that is no configuration at all: where it stops to be one, and why."""

    def __init__(self, where: str, reason: str) -> None:
        """Store the place, such as a line, and the reason."""
        super().__init__(where, reason)
        self.where = where
        self.reason = reason


class _Loader(yaml.BaseLoader):
    """Tells nothing and merges from text; all other plain scalars are text."""


_Loader.add_implicit_resolver(_NOTHING, re.compile(r"(?:~|null|Null|NULL|)\Z"), ["~", "n", "N", ""])
_Loader.add_implicit_resolver(_MERGE, re.compile(r"<<\Z"), ["<"])


def parse(data: bytes, place: Place) -> Value:
    """
    Return the tree of a YAML document.

    Mistakes that leave the rest readable (repeated keys, unknown tags) are noted at ``place``; others raise
    `NoDocument`.
    """
    text = _decoded(data)
    try:
        root = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as e:
        raise NoDocument(_where(e.problem_mark or e.context_mark), _reason(e)) from e
    except yaml.reader.ReaderError as e:
        where = f"line {text.count(chr(10), 0, e.position) + 1}"
        raise NoDocument(where, f"the character {chr(e.character)!a} is not allowed here") from e
    except RecursionError as e:
        raise NoDocument("the file", f"is nested more than {DEEPEST} levels deep") from e
    return None if root is None else _Tree().value(root, place, 0)


@define(eq=False)
class _Tree:
    """Walks the nodes of a document, those of aliases each time anew."""

    _left: int = field(init=False, default=MOST)

    def value(self, node: yaml.Node, place: Place, depth: int) -> Value:
        self._left -= 1
        if self._left < 0:
            raise NoDocument(_where(node.start_mark), f"with its aliases the file has more than {MOST} values")
        if depth > DEEPEST:
            raise NoDocument(_where(node.start_mark), f"is nested more than {DEEPEST} levels deep")
        if node.tag not in _TAGS:
            tag = node.tag.replace(_PREFIX, "!!")
            place.problem(f"the tag {tag} in line {node.start_mark.line + 1} is unknown", suggestion="quote the text")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, place, depth)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, place.item(index), depth + 1) for index, item in enumerate(node.value)]
        return _scalar(node, place)

    def _mapping(self, node: yaml.MappingNode, place: Place, depth: int) -> dict[str, Value]:
        merged: dict[str, Value] = {}
        own: dict[str, Value] = {}
        lines: dict[str, int] = {}
        for key_node, value_node in node.value:
            if key_node.tag == _MERGE:
                # What was merged before wins, as it does in a list of merges.
                merged = {**self._merge(value_node, place, depth + 1), **merged}
                continue
            key = _key(key_node)
            there = place.key(key)
            if key in own:
                line = key_node.start_mark.line + 1
                there.problem(f"the key is there twice, in lines {lines[key]} and {line}")
            lines.setdefault(key, key_node.start_mark.line + 1)
            own[key] = self.value(value_node, there, depth + 1)
        return {**merged, **own}

    def _merge(self, node: yaml.Node, place: Place, depth: int) -> dict[str, Value]:
        sources = node.value if isinstance(node, yaml.SequenceNode) else [node]
        merged: dict[str, Value] = {}
        for source in sources:
            value = self.value(source, place, depth)
            if not isinstance(value, dict):
                raise NoDocument(_where(source.start_mark), "only mappings can be merged with <<")
            merged = {**value, **merged}
        return merged


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        line = data.count(b"\n", 0, e.start) + 1
        raise NoDocument(f"line {line}", f"the byte 0x{data[e.start]:02x} is not UTF-8; save the file as UTF-8") from e


def _key(node: yaml.Node) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise NoDocument(_where(node.start_mark), "a key must be a text; quote it if it begins with [ or {")
    return str(node.value)


def _scalar(node: yaml.Node, place: Place) -> str | None:
    if node.tag == _NOTHING:
        return None
    if _UNWRITABLE.search(node.value):
        place.problem("has a character that no file or URL can have", suggestion="leave out \\0 and \\ud800 to \\udfff")
    return str(node.value)


def _where(mark: yaml.Mark | None) -> str:
    return f"line {mark.line + 1}, column {mark.column + 1}" if mark else "the file"


def _reason(error: yaml.MarkedYAMLError) -> str:
    # The error's own text would quote the line, which may hold a secret.
    return " ".join(part for part in (error.context, error.problem) if part)
