"""The line at fault, with a caret, and without the secrets that may stand in it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from apcbridge.config.document import harmless, read_document
from apcbridge.config.reference import at

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from apcbridge.config.document import Document, KeyPath, Span
    from apcbridge.errors import Fault

WIDTH = 100
"""Columns shown around the fault."""

_ACCOUNT = re.compile(r"//[^/@\s]*@")
"""Name and password in a URL."""
_SUSPECT = re.compile(r"pass|secret|communit|key|token|name", re.IGNORECASE)


def explain(faults: Sequence[Fault], document: Document | None = None) -> Iterator[str]:
    """Yield the faults of one file, each with its line, and their number; the file is read again if it is not given."""
    shown = document or read_document(Path(faults[0].file))
    for fault in faults:
        yield str(fault)
        yield from (f"    {line}" for line in excerpt(shown, fault))
    count = len(faults)
    yield f"{faults[0].file}: {count} fault{'s' if count > 1 else ''}; nothing was started"


def excerpt(document: Document, fault: Fault) -> tuple[str, ...]:
    """Return the line at fault and a caret below; nothing if the fault has no line.

    Text is shown only where the schema knows the key and does not call it a secret; of a file that cannot be parsed,
    a line is shown only if no word in it hints at one.
    """
    if not 1 <= fault.line <= len(document.lines):
        return ()
    line = harmless(document.lines[fault.line - 1].replace("\t", " "))
    if document.scalars:
        for path, span in document.scalars:
            if not _public(path, is_value=span == document.values.get(path)):
                line = _mask(line, fault.line, span)
        line = _without_comment(line, fault.line, document)
    elif _SUSPECT.search(line):
        return ()
    line = _ACCOUNT.sub(lambda found: "*" * len(found[0]), line)
    start = max(0, fault.column - WIDTH // 2)
    return line[start : start + WIDTH], " " * (fault.column - 1 - start) + "^"


def _public(path: KeyPath, *, is_value: bool) -> bool:
    """Tell whether text may be shown; where a list or a mapping must stand, it may be what belongs inside."""
    node = at(path)
    if node is None or node.get("writeOnly", False) or node.get("type") == "array":
        return False
    return not (is_value and node.get("type") == "object")


def _mask(line: str, number: int, span: Span) -> str:
    """Put asterisks over the part of a line that a span covers."""
    if not span.line <= number <= span.end_line:
        return line
    start = span.column - 1 if number == span.line else 0
    end = span.end_column - 1 if number == span.end_line else len(line)
    return line[:start] + "*" * (min(end, len(line)) - start) + line[end:]


def _without_comment(line: str, number: int, document: Document) -> str:
    """Cut a comment: it may hold the password of yesterday."""
    last = max((span.end_column for _, span in _in_line(document, number)), default=1)
    return line[: last - 1] + line[last - 1 :].split(" #", maxsplit=1)[0]


def _in_line(document: Document, number: int) -> Iterator[tuple[KeyPath, Span]]:
    return ((path, span) for path, span in document.scalars if span.end_line == number)
