"""The schema as people and editors read it: known keys and their descriptions."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, TypeAlias, cast

from apcbridge.config.schema import Config

if TYPE_CHECKING:
    from apcbridge.config.document import KeyPath

Schema: TypeAlias = "dict[str, Schema | list[Schema] | list[str] | str | int | float | bool | None]"


@functools.cache
def json_schema() -> Schema:
    """Return the JSON schema (2020-12) of the configuration file."""
    schema = Config.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "apcbridge configuration"}


def at(path: KeyPath) -> Schema | None:
    """Return the part of the schema that speaks of ``path``, or None if there is no such key."""
    node = _resolved(json_schema())
    for part in path:
        inner = cast("Schema", node.get("properties", {})).get(str(part)) or node.get("items")
        if inner is None and isinstance(part, int):
            inner = node.get("additionalProperties")
        if not isinstance(inner, dict):
            return None
        node = {**_resolved(inner), **{key: value for key, value in inner.items() if key in _OWN}}
    return node


_OWN = ("description", "default", "writeOnly")
"""What a key says of itself beats what its type says."""


def known_keys(path: KeyPath) -> tuple[str, ...]:
    """Return the keys that may stand in the mapping at ``path``."""
    node = at(path)
    return tuple(cast("Schema", node.get("properties", {}))) if node else ()


def describe(path: KeyPath) -> str:
    """Return what the reference says about a key, in one line."""
    return text_of(at(path) or {})


def text_of(node: Schema) -> str:
    """Return the description of a part of the schema, in one line."""
    return " ".join(str(node.get("description", "")).split())


def _resolved(node: Schema) -> Schema:
    """Follow references, and take the branch that is not null."""
    branches = node.get("anyOf")
    if isinstance(branches, list):
        inner = next((b for b in branches if isinstance(b, dict) and b.get("type") != "null"), {})
        return _resolved(inner)
    reference = node.get("$ref")
    if isinstance(reference, str):
        definitions = cast("Schema", json_schema()["$defs"])
        return _resolved(cast("Schema", definitions[reference.rsplit("/", 1)[1]]))
    return node
