"""From a file to a configuration, or to everything that is wrong with it at once."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from pydantic import ValidationError

from apcbridge.config.document import Data, Document, KeyPath, read_document
from apcbridge.config.fields import OUTLET_LIMIT
from apcbridge.config.reference import at, describe, known_keys
from apcbridge.config.rules import Breach, breaches
from apcbridge.config.schema import Config
from apcbridge.errors import ConfigError, Fault

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pydantic_core import ErrorDetails

_MESSAGES: Mapping[str, str] = {
    "enum": "must be {expected}",
    "literal_error": "must be {expected}",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "int_type": "must be a whole number",
    "float_type": "must be a number, without quotes or a unit",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "too_long": "must not be longer than {max_length} characters",
    "tuple_type": "must be a list (lines that begin with a dash)",
    "mapping_type": "must be a mapping (lines of key: value)",
    "dict_type": "must be a mapping (lines of key: value)",
}


@dataclass(frozen=True, slots=True)
class Report:
    """What a file came to: a configuration, or faults."""

    document: Document
    config: Config | None
    faults: tuple[Fault, ...]
    """Sorted by their place."""


def load(path: Path) -> Config:
    """Read and check a configuration; raise ConfigError with every fault in it.

    Reads that file and those it names (secrets, certificates) and nothing else: no port is opened, no server asked.
    """
    report = examine(path)
    if report.config is None:
        raise ConfigError("\n".join(str(fault) for fault in report.faults), report.faults)
    return report.config


def examine(path: Path) -> Report:
    """Read and check a configuration; whatever is wrong is in the report."""
    document = read_document(path)
    if document.faults and document.data is None:
        return Report(document, None, document.faults)
    partial, problems = _validate(document, path.absolute().parent)
    found = [wrong for path, _ in problems for wrong in (path, _meant(path)) if wrong is not None]
    problems += [(breach.path, breach.reason) for breach in partial.breaches() if not _moot(breach, found)]
    faults = {*document.faults, *(document.fault(path, reason, at_key=at(path) is None) for path, reason in problems)}
    return Report(document, None if faults else partial.config, tuple(sorted(faults)))


_STAND_INS: Mapping[str | int, Data] = {"id": "x", "port": "/dev/x", "url": "mqtt://x"}
"""What takes the place of a wrong value without which its whole section would have to go."""

Problem: TypeAlias = tuple[KeyPath, str]


def _validate(document: Document, base: Path) -> tuple[_Partial, list[Problem]]:
    """Validate the data; where it is wrong, also return what is left when the wrong parts are taken out.

    The rules between keys are then checked on what is left, so that one slip does not hide the others.
    """
    data: Data = {} if document.data is None else document.data
    problems: list[Problem] = []
    removed: set[KeyPath] = set()
    while () not in removed:
        try:
            return _Partial(Config.model_validate(_without(data, removed), context=base), data, removed), problems
        except ValidationError as error:
            details = error.errors(include_url=False)
        found = [(_original(data, removed, _location(detail)), detail) for detail in details]
        if not removed:
            problems = [(path, _reason(path, detail)) for path, detail in found]
        removed.update(_culprit(path, detail, removed) for path, detail in found)
    return _Partial(Config(), {}, set()), problems


@dataclass(frozen=True, slots=True)
class _Partial:
    """A configuration made of the parts of a file that are right in themselves."""

    config: Config
    data: Data
    removed: set[KeyPath]

    def breaches(self) -> Iterator[Breach]:
        """Yield the rules that do not hold, with the paths of the file."""
        for breach in breaches(self.config):
            about = tuple(self._original(path) for path in breach.about)
            yield Breach(self._original(breach.path), breach.reason, about)

    def _original(self, path: KeyPath) -> KeyPath:
        return _original(self.data, self.removed, path)


def _location(detail: ErrorDetails) -> KeyPath:
    """Return where an error is; pydantic marks an error of a mapping's key with a part of its own."""
    return tuple(part for part in detail["loc"] if part != "[key]")


def _culprit(path: KeyPath, detail: ErrorDetails, removed: set[KeyPath]) -> KeyPath:
    """Name what to take out so that the error is gone: something that was not taken out before."""
    if detail["type"] == "missing" and path[-1] not in _STAND_INS:
        path = path[:-1]
    while path in removed:
        path = path[:-1]
    return path


def _without(data: Data, removed: set[KeyPath], path: KeyPath = ()) -> Data:
    if isinstance(data, dict):
        kept = {k: _without(v, removed, (*path, k)) for k, v in data.items() if (*path, k) not in removed}
        return kept | {k: value for k, value in _STAND_INS.items() if (*path, k) in removed}
    if isinstance(data, list):
        return [_without(v, removed, (*path, i)) for i, v in enumerate(data) if (*path, i) not in removed]
    return data


def _original(data: Data, removed: set[KeyPath], path: KeyPath) -> KeyPath:
    """Translate a path in what :func:`_without` left: the items of a list have moved up."""
    result: KeyPath = ()
    for part in path:
        if isinstance(data, list) and isinstance(part, int):
            kept = [index for index in range(len(data)) if (*result, index) not in removed]
            result = (*result, kept[part])
            data = data[kept[part]]
            continue
        result = (*result, part)
        data = data.get(part) if isinstance(data, dict) else None
    return result


def _reason(path: KeyPath, detail: ErrorDetails) -> str:
    """Say what is wrong in words of our own: those of pydantic speak of its types."""
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown_key(path)
    if kind == "missing":
        return f"is missing: {describe(path)}"
    if kind in ("model_type", "model_attributes_type"):
        return f"must be a mapping (lines of key: value); known keys are {', '.join(known_keys(path))}"
    if kind == "value_error":
        return str(context["error"])
    if "[key]" in detail["loc"]:
        return f"must be the number of an outlet, 1 to {OUTLET_LIMIT}"
    ours = _MESSAGES.get(kind)
    return ours.format(**context) if ours else detail["msg"]


def _unknown_key(path: KeyPath) -> str:
    meant = _meant(path)
    if meant is not None:
        return f"unknown key; did you mean {meant[-1]}?"
    return f"unknown key; known here are {', '.join(known_keys(path[:-1]))}"


def _meant(path: KeyPath) -> KeyPath | None:
    """Return the path that was probably meant by one that ends in an unknown key."""
    known = known_keys(path[:-1])
    if not path or path[-1] in known:
        return None
    close = difflib.get_close_matches(str(path[-1]).lower().replace("-", "_"), known, n=1)
    return (*path[:-1], close[0]) if close else None


def _moot(breach: Breach, found: list[KeyPath]) -> bool:
    """Tell whether what a rule looked at is known to be wrong, so that its verdict means nothing."""
    above = any(breach.path[: len(path)] == path for path in found)
    return above or any(_related(path, about) for path in found for about in breach.about)


def _related(one: KeyPath, other: KeyPath) -> bool:
    """Tell whether one of two paths leads to the other."""
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]
