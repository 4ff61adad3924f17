"""The configuration: a YAML file, checked whole before anything is opened.

:func:`load` returns a frozen :class:`Config` or raises ConfigError with every fault in the file at once.
"""

from __future__ import annotations

from apcbridge.config.addresses import Endpoint
from apcbridge.config.loading import Report, examine, load
from apcbridge.config.schema import (
    BridgeConfig,
    CommunityConfig,
    Config,
    HomeAssistantConfig,
    MqttConfig,
    OutletConfig,
    PduConfig,
    PduSnmpConfig,
    SnmpConfig,
    TrapConfig,
    UserConfig,
    WebConfig,
)
from apcbridge.config.secret import Secret
from apcbridge.errors import Fault

__all__ = [
    "BridgeConfig",
    "CommunityConfig",
    "Config",
    "Endpoint",
    "Fault",
    "HomeAssistantConfig",
    "MqttConfig",
    "OutletConfig",
    "PduConfig",
    "PduSnmpConfig",
    "Report",
    "Secret",
    "SnmpConfig",
    "TrapConfig",
    "UserConfig",
    "WebConfig",
    "examine",
    "load",
]
