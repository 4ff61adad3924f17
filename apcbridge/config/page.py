"""The reference page ``docs/configuration.md``, made of the schema: ``python -m apcbridge.config.page`` prints it."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from apcbridge.config.reference import at, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apcbridge.config.document import KeyPath
    from apcbridge.config.reference import Schema

_INTRODUCTION = """\
# Configuration

<!-- Made by `make docs` from the schema; change the descriptions in apcbridge/config/schema.py. -->

One YAML file, by default `/etc/apcbridge/apcbridge.yaml`; [config/apcbridge.yaml](../config/apcbridge.yaml) is a
commented example. `apcbridge check-config -c FILE` tells everything that is wrong with a file, each fault with its
line, and opens and contacts nothing. `apcbridge schema` prints the JSON schema: an editor that knows YAML completes and
checks keys when the file begins with `# yaml-language-server: $schema=FILE` (from the package:
`/usr/share/apcbridge/schema.json`).

- Unknown keys are errors. What is not configured is off: no PDU, broker, community or user is assumed.
- Words are read as in YAML 1.2: `off`, `no` and `on` are words. Text that looks like a number needs quotes.
- File names are relative to the configuration file. A `..._file` with a secret holds one line and must be readable by
  its owner only (`chmod 600`). Where systemd supplies a credential of that name (`LoadCredential=`), it is taken.
- Times are seconds.
"""

_SECTIONS: tuple[tuple[str, KeyPath], ...] = (
    ("bridge", ("bridge",)),
    ("pdus[]", ("pdus", 0)),
    ("pdus[].outlets.N", ("pdus", 0, "outlets", 1)),
    ("pdus[].snmp", ("pdus", 0, "snmp")),
    ("mqtt", ("mqtt",)),
    ("mqtt.homeassistant", ("mqtt", "homeassistant")),
    ("snmp", ("snmp",)),
    ("snmp.communities[]", ("snmp", "communities", 0)),
    ("snmp.users[]", ("snmp", "users", 0)),
    ("snmp.traps[]", ("snmp", "traps", 0)),
    ("web", ("web",)),
)


def render() -> str:
    """Return the page."""
    return _INTRODUCTION + "".join(_section(title, path) for title, path in _SECTIONS)


def _section(title: str, path: KeyPath) -> str:
    node = at(path) or {}
    lines = [f"\n## `{title}`\n", "| key | value | default | meaning |", "|---|---|---|---|"]
    required = cast("list[str]", node.get("required", []))
    for name in cast("Schema", node.get("properties", {})):
        entry = at((*path, name)) or {}
        default = "required" if name in required else _default(entry)
        lines.append(f"| `{name}` | {_kind(entry)} | {default} | {text_of(entry)} |")
    return "\n".join(lines) + "\n"


def _default(entry: Schema) -> str:
    default = entry.get("default")
    if default is None or isinstance(default, list | dict):
        return ""
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    return f"`{default:g}`" if isinstance(default, float) else f"`{default}`"


def _kind(entry: Schema) -> str:
    words = entry.get("enum")
    if isinstance(words, list):
        return ", ".join(f"`{word}`" for word in words)
    kind = str(entry.get("type", "text"))
    if kind in ("number", "integer"):
        return f"{kind} {' to '.join(_bounds(entry))}".strip()
    return {"string": "text", "boolean": "`true`, `false`", "array": "list", "object": "section"}.get(kind, kind)


def _bounds(entry: Schema) -> Iterator[str]:
    for name in ("minimum", "maximum"):
        bound = entry.get(name)
        if isinstance(bound, int | float):
            yield f"{bound:g}" if bound < 1_000_000 else str(bound)


if __name__ == "__main__":
    print(render(), end="")
