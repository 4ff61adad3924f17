"""apcbridge: the serial console of APC switched rack PDUs, republished over MQTT and SNMP."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    __version__: str


def __getattr__(name: str) -> str:
    """Look up ``__version__`` when it is asked for: reading the installed package's metadata takes a while."""
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import version

    return version("apcbridge")
