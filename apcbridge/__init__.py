"""apcbridge: the serial console of APC switched rack PDUs, republished over MQTT and SNMP."""

from __future__ import annotations

from importlib.metadata import version

__version__ = version("apcbridge")
