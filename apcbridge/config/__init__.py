"""The configuration: a YAML file, checked whole before anything is opened.

:func:`load` returns a frozen :class:`Config` or raises ConfigError with every fault in the file at once.
"""

from __future__ import annotations

from apcbridge.config.addresses import Endpoint, MqttScheme, MqttUrl
from apcbridge.config.loading import Report, examine, load
from apcbridge.config.schema import (
    BridgeConfig,
    CommunityConfig,
    Config,
    Discovery,
    HomeAssistantConfig,
    MqttConfig,
    MqttProtocol,
    OnPendingLost,
    OutletConfig,
    PduConfig,
    PduSnmpConfig,
    SessionMode,
    SnmpAccess,
    SnmpConfig,
    TrapConfig,
    TrapVersion,
    UserConfig,
    WebConfig,
)
from apcbridge.config.secret import Secret
from apcbridge.errors import Fault

__all__ = [
    "BridgeConfig",
    "CommunityConfig",
    "Config",
    "Discovery",
    "Endpoint",
    "Fault",
    "HomeAssistantConfig",
    "MqttConfig",
    "MqttProtocol",
    "MqttScheme",
    "MqttUrl",
    "OnPendingLost",
    "OutletConfig",
    "PduConfig",
    "PduSnmpConfig",
    "Report",
    "Secret",
    "SessionMode",
    "SnmpAccess",
    "SnmpConfig",
    "TrapConfig",
    "TrapVersion",
    "UserConfig",
    "WebConfig",
    "examine",
    "load",
]
