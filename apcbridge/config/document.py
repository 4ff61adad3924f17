"""YAML text -> plain data, with the place of every key and value.

Words are read as YAML 1.2 reads them: ``off``, ``no`` and ``on`` are words, not booleans, and ``12:30`` is text. Tags
are not used, duplicate keys are faults, ``<<`` merges. Size, depth and number of nodes are bounded, so that no file,
however malicious its aliases, costs more than a moment.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import yaml

from apcbridge.errors import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

SIZE_LIMIT = 256 * 1024
"""Bytes: a file for 64 PDUs that names every outlet has less; PyYAML takes some seconds for so much."""
NODE_LIMIT = 100_000
DEPTH_LIMIT = 16

Data: TypeAlias = "bool | int | float | str | list[Data] | dict[str | int, Data] | None"
KeyPath: TypeAlias = tuple[str | int, ...]

_SCALARS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("null", re.compile(r"~|null|Null|NULL|")),
    ("bool", re.compile(r"true|True|TRUE|false|False|FALSE")),
    ("int", re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})")),
    ("float", re.compile(r"[-+]?(?:0|[1-9][0-9]*)\.[0-9]+(?:[eE][-+][0-9]{1,3})?")),
)

_STR_TAG = "tag:yaml.org,2002:str"
_MERGE_TAG = "tag:yaml.org,2002:merge"
_PLAIN_TAGS = frozenset(
    f"tag:yaml.org,2002:{name}"
    for name in ("null", "bool", "int", "float", "str", "timestamp", "value", "merge", "map", "seq")
)

_PROBLEMS: tuple[tuple[str, str], ...] = (
    # PyYAML's own words quote the text at fault, which may be a password.
    ("undefined alias", "an alias (*name) without its anchor; text that begins with * needs quotes"),
    (r"character '\t'", "a tab stands where only spaces may: it cannot indent"),
    (
        "mapping values are not allowed",
        "a ': ' is out of place: the indent is off, the line above lacks its ':', or text that holds ': ' needs quotes",
    ),
    ("could not find expected ':'", "a key without its ': '"),
    ("expected ',' or", "a bracket is not closed, or a comma is missing"),
    ("expected <block end>", "the indentation fits nothing above it"),
    ("expected chomping", "text that begins with > or | needs quotes"),
    ("cannot start any token", "text that begins with this character needs quotes"),
    ("found another document", "only one document is expected: remove the second '---'"),
    ("unexpected end of stream", "a quote is not closed"),
    ("unknown escape character", 'in "double quotes" a backslash begins an escape: use single quotes'),
    ("second occurrence", "two anchors (&name) of one name"),
    ("special characters are not allowed", "a control character stands in the text"),
)


@dataclass(frozen=True, slots=True)
class Span:
    """Part of one line of the file; counted from 1, the end exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int


@dataclass(frozen=True, slots=True)
class Document:
    """What a file said, and where."""

    file: str
    lines: tuple[str, ...]
    data: Data
    keys: Mapping[KeyPath, Span]
    values: Mapping[KeyPath, Span]
    scalars: tuple[tuple[KeyPath, Span], ...]
    """Every piece of text, replaced duplicates too, with the path it belongs to: a key belongs to its mapping."""
    faults: tuple[Fault, ...]

    def fault(self, path: KeyPath, reason: str, *, at_key: bool = False) -> Fault:
        """Make a fault of the place of ``path``, or of the closest place above it that the file has."""
        known = path
        while known and known not in self.values:
            known = known[:-1]
        # What is missing in a mapping is told at the mapping's key: its value begins at its first entry.
        at_key = at_key or known != path
        span = (self.keys.get(known) if at_key else None) or self.values.get(known) or Span(1, 1, 1, 1)
        return Fault(self.file, span.line, span.column, show_path(path), reason)


def show_path(path: KeyPath) -> str:
    """Write a path as people do: ``pdus[0].outlets.3``."""
    text = ""
    for part in path:
        inside_list = isinstance(part, int) and not text.endswith("outlets")
        text += f"[{part}]" if inside_list else f".{part}" if text else str(part)
    return harmless(text)


def harmless(text: str) -> str:
    """Replace control characters, which a quoted key may hold, so that a terminal or a log can show the text."""
    return "".join(c if c.isprintable() else "?" for c in text)


def read_document(path: Path) -> Document:
    """Read a file; whatever is wrong with it is in the document's faults, nothing is raised."""
    try:
        with path.open("rb") as file:
            content = file.read(SIZE_LIMIT + 1)
    except OSError as error:
        return _unreadable(path, f"cannot be read: {error.strerror}; {_advice(error)}")
    if len(content) > SIZE_LIMIT:
        return _unreadable(path, f"is larger than {SIZE_LIMIT} bytes: it does not look like a configuration")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode()
        column = len(before) - before.rfind("\n")
        reason = "is not UTF-8 text: have your editor save it in that encoding"
        return _unreadable(path, reason, before.count("\n") + 1, column)
    return parse_document(str(path), text)


def parse_document(file: str, text: str) -> Document:
    """Parse YAML text; ``file`` names it in faults."""
    lines = tuple(text.splitlines())
    builder = _Builder(file)
    data: Data = None
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        data = builder.build(node, (), 0) if node is not None else None
    except yaml.MarkedYAMLError as error:
        mark = _place(error)
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        builder.faults.append(Fault(file, line, column, "", f"not valid YAML: {_problem(error)}"))
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        line = before.count("\n") + 1
        builder.faults.append(Fault(file, line, error.position - before.rfind("\n"), "", _in_our_words(error.reason)))
    except (RecursionError, _TooMuchError):
        builder.faults.append(Fault(file, 0, 0, "", "is nested too deeply or too large for a configuration"))
    return Document(file, lines, data, builder.keys, builder.values, tuple(builder.scalars), tuple(builder.faults))


def _advice(error: OSError) -> str:
    match error:
        case FileNotFoundError():
            return "name another file with -c, or have one written: apcbridge init"
        case PermissionError():
            return "use sudo, or join the group that owns it"
        case _:
            return "name a file with -c"


def _unreadable(path: Path, reason: str, line: int = 0, column: int = 0) -> Document:
    fault = Fault(str(path), line, column, "", reason)
    return Document(str(path), (), None, {}, {}, (), (fault,))


def _place(error: yaml.MarkedYAMLError) -> yaml.Mark | None:
    """Return where a person must look: what never ends is noticed further down, and mended where it begins."""
    begun = any(words in str(error.problem) for words in ("could not find expected ':'", "unexpected end of stream"))
    first, second = error.problem_mark, error.context_mark
    return (second or first) if begun else (first or second)


def _problem(error: yaml.MarkedYAMLError) -> str:
    problem = str(error.problem)
    begun, noticed = error.context_mark, error.problem_mark
    if "expected ',' or" in problem and begun and noticed and begun.line != noticed.line:
        return f"the bracket of line {begun.line + 1} is not closed, or a comma is missing"
    return _in_our_words(problem)


def _in_our_words(problem: str) -> str:
    return next(
        (ours for theirs, ours in _PROBLEMS if theirs in problem), "the text breaks off or is out of place here"
    )


class _TooMuchError(Exception):
    """The file is beyond the bounds."""


@dataclass(slots=True)
class _Builder:
    """Turns nodes into data and notes where each stood."""

    file: str
    keys: dict[KeyPath, Span] = field(default_factory=dict)
    values: dict[KeyPath, Span] = field(default_factory=dict)
    scalars: list[tuple[KeyPath, Span]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    nodes: int = 0

    def build(self, node: yaml.Node, path: KeyPath, depth: int) -> Data:
        self.nodes += 1
        if self.nodes > NODE_LIMIT or depth > DEPTH_LIMIT:
            raise _TooMuchError
        self.values[path] = _span(node)
        if not isinstance(node, yaml.ScalarNode):
            self._check_tag(node, path)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path, depth)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, (*path, index), depth + 1) for index, item in enumerate(node.value)]
        if isinstance(node, yaml.ScalarNode):
            self.scalars.append((path, _span(node)))
            return self._scalar(node, path)
        raise _TooMuchError

    def _mapping(self, node: yaml.MappingNode, path: KeyPath, depth: int) -> Data:
        result: dict[str | int, Data] = {}
        for key_node, value_node in self._pairs(node, path, depth):
            key = self._scalar(key_node, path) if isinstance(key_node, yaml.ScalarNode) else None
            if isinstance(key, bool) or not isinstance(key, str | int):
                self._fault(key_node, path, "a key must be a word or a whole number")
                self.build(value_node, (*path, "?"), depth + 1)
                continue
            inner = (*path, key)
            self.keys[inner] = _span(key_node)
            self.scalars.append((path, _span(key_node)))
            result[key] = self.build(value_node, inner, depth + 1)
        return result

    def _pairs(self, node: yaml.MappingNode, path: KeyPath, depth: int) -> Iterator[tuple[yaml.Node, yaml.Node]]:
        """Yield the pairs of a mapping: first what ``<<`` brings, then its own, which prevail."""
        own: dict[str, yaml.Node] = {}
        merged: list[tuple[yaml.Node, yaml.Node]] = []
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag == _MERGE_TAG:
                merged += self._merge(value, path, depth)
            elif isinstance(key, yaml.ScalarNode) and key.value in own:
                first = own[key.value].start_mark.line + 1
                self._fault(key, (*path, key.value), f"stands here twice; the first is in line {first}")
            elif isinstance(key, yaml.ScalarNode):
                own[key.value] = key
        yield from ((k, v) for k, v in merged if not (isinstance(k, yaml.ScalarNode) and k.value in own))
        yield from ((k, v) for k, v in node.value if k.tag != _MERGE_TAG)

    def _merge(self, node: yaml.Node, path: KeyPath, depth: int) -> list[tuple[yaml.Node, yaml.Node]]:
        if not isinstance(node, yaml.MappingNode) or depth > DEPTH_LIMIT:
            self._fault(node, path, "<< merges one mapping: give it an alias (*name) of one")
            return []
        pairs = list(self._pairs(node, path, depth + 1))
        self.nodes += len(pairs)
        if self.nodes > NODE_LIMIT:
            raise _TooMuchError
        return pairs

    def _scalar(self, node: yaml.ScalarNode, path: KeyPath) -> bool | int | float | str | None:
        text: str = node.value
        self._check_tag(node, path)
        if node.style is not None or node.tag == _STR_TAG:
            return text
        kind = next((kind for kind, pattern in _SCALARS if pattern.fullmatch(text)), "str")
        match kind:
            case "null":
                return None
            case "bool":
                return text[0] in "tT"
            case "int":
                return int(text)
            case "float":
                return float(text)
            case _:
                return text

    def _check_tag(self, node: yaml.Node, path: KeyPath) -> None:
        """PyYAML marks what has no tag of its own with one of the plain ones."""
        if node.tag not in _PLAIN_TAGS:
            self._fault(node, path, "tags (!name) are not used here; text that begins with ! needs quotes")

    def _fault(self, node: yaml.Node, path: KeyPath, reason: str) -> None:
        span = _span(node)
        self.faults.append(Fault(self.file, span.line, span.column, show_path(path), reason))


def _span(node: yaml.Node) -> Span:
    start, end = node.start_mark, node.end_mark
    return Span(start.line + 1, start.column + 1, end.line + 1, end.column + 1)
