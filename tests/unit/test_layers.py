"""The layers of docs/architecture.md, held to by reading every import in the source."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(__file__).resolve().parents[2] / "apcbridge"

MIDDLE = {"errors", "clock", "model", "commands", "store"}
"""Where the doors and the PDUs meet."""

ROOT = {"door", "health", "journal", "notify", "recorder", "simulated"}
"""What only the composition root knows."""

MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "clock": set(),
    "model": set(),
    "health": set(),
    "notify": {"health"},
    "logs": set(),
    "limits": set(),
    "commands": {"errors", "model"},
    "store": {"errors", "model", "commands"},
    "facts": {"model", "commands"},
    "console": {"errors", "model"},
    "config": {"errors", "model", "console.session", "pdu.settings", "mqtt.settings", "snmp.settings", "sim.url"},
    "door": MIDDLE,
    "simulated": {"errors", "pdu.ports", "sim"},
    "journal": {*MIDDLE, "pdu.reboots"},
    "pdu": {*MIDDLE, "console"},
    "mqtt": {*MIDDLE, "facts", "limits"},
    "snmp": {*MIDDLE, "limits"},
    "web": {*MIDDLE, "facts"},
    "sim": {"errors", "clock", "model"},
    "recorder": {*MIDDLE, "limits", "journal", "pdu.reboots"},
    "composition": {*MIDDLE, "facts", "config", "console", "mqtt", "pdu", "sim", "snmp", "web"},
    "parts": {"errors"},
    "app": {*MIDDLE, *ROOT, "parts", "composition", "config", "mqtt", "pdu", "snmp", "web"},
    "statelock": {"errors"},
    "serving": {"errors", "app", "composition", "config", "statelock"},
    "demo": {"errors", "app"},
    "probe": {"errors", "clock", "console", "pdu"},
    "tools": {"errors", "clock", "model", "composition", "config", "console", "journal", "mqtt", "pdu", "probe"},
}
"""Who may import whom; imports within a package are its own affair, and ``cli`` may import everything."""

PURE = ("errors", "model", "commands", "store", "facts", "limits", "console", "health", "pdu.reboots", "mqtt", "snmp")
INPUT_OUTPUT = {
    "mqtt.bridge": "the connection loop",
    "mqtt.client": "the way to the broker",
    "mqtt.connection": "the life of one connection",
    "mqtt.embedded": "the built-in broker",
    "mqtt.embedded_amqtt": "what it adds to amqtt",
    "mqtt.publisher": "what goes out while a connection lasts",
    "mqtt.verbs": "requests that take their time",
    "snmp.agent": "the sockets of the agents",
    "snmp.notifier": "the sending of notifications",
}
"""The modules of pure packages that are not, and what they are instead."""

WORLD = {
    "amqtt", "asyncio", "multiprocessing", "paho", "pysnmp", "select", "selectors", "serial", "signal", "socket",
    "sqlite3", "ssl", "subprocess", "threading", "uvloop",
}  # fmt: skip
"""What a pure module cannot reach for: lines, sockets, threads."""

CLOCKS = {
    "time": {"time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "clock_gettime", "localtime", "sleep"},
    "datetime": {"now", "utcnow", "today"},
    "date": {"today"},
}
"""Nor for the time of day; turning a given time into words is allowed."""

VAGUE = {"utils", "util", "helpers", "common", "manager", "base", "misc"}


@dataclass(frozen=True, slots=True)
class Module:
    """One source file, with every name it imports anywhere in it."""

    name: str
    """Without the leading ``apcbridge.``; empty for the package itself."""
    imports: frozenset[str]
    clocks: frozenset[str]
    """Calls that read a clock."""

    @property
    def layer(self) -> str:
        return self.name.split(".")[0]

    def within(self, *names: str) -> bool:
        return any(self.name == name or self.name.startswith(f"{name}.") for name in names)


def read_modules() -> tuple[Module, ...]:
    return tuple(read_module(path) for path in sorted(PACKAGE.rglob("*.py")))


def read_module(path: Path) -> Module:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    name = ".".join(part for part in parts if part != "__init__")
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return Module(name, frozenset(imported_names(tree)), frozenset(clocks_read(tree)))


def clocks_read(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id=owner), attr=name) if name in CLOCKS.get(owner, ()):
                yield f"{owner}.{name}"
            case ast.ImportFrom(module="time", names=names):
                yield from (f"time.{alias.name}" for alias in names if alias.name in CLOCKS["time"])


def imported_names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute, so that they can be read"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


MODULES = read_modules()


def ours(module: Module) -> Iterator[str]:
    """Yield what a module imports of other layers of apcbridge, without the package's name."""
    for name in module.imports:
        inner = name.removeprefix("apcbridge.")
        if inner != name and inner.split(".")[0] != module.layer:
            yield inner


def allowed(name: str, layers: set[str]) -> bool:
    return any(name == layer or name.startswith(f"{layer}.") for layer in layers)


def test_every_module_has_its_place() -> None:
    placed = {"", "__main__", "cli", *MAY_IMPORT}
    assert {module.layer for module in MODULES} <= placed, "a new module: place it in MAY_IMPORT and the architecture"


@pytest.mark.parametrize("layer", sorted(MAY_IMPORT))
def test_imports_point_left(layer: str) -> None:
    wrong = {
        f"{module.name} imports {name}"
        for module in MODULES
        if module.layer == layer
        for name in ours(module)
        if not allowed(name, MAY_IMPORT[layer])
    }
    assert not wrong


def test_pure_modules_reach_for_nothing_outside() -> None:
    wrong = {
        f"{module.name} imports {name}"
        for module in MODULES
        if module.within(*PURE) and not module.within(*INPUT_OUTPUT)
        for name in {name for name in module.imports if name.split(".")[0] in WORLD} | module.clocks
    }
    assert not wrong


def test_names_of_modules_say_what_is_in_them() -> None:
    assert not {module.name for module in MODULES if VAGUE & set(module.name.split("."))}


def test_the_reader_of_sources_sees_what_is_hidden() -> None:
    source = "def f():\n    import socket, time\n    from apcbridge.mqtt import topics\n    time.gmtime(time.time())\n"
    assert set(imported_names(ast.parse(source))) == {"socket", "time", "apcbridge.mqtt.topics"}
    assert set(clocks_read(ast.parse(source))) == {"time.time"}
