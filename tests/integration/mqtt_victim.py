"""A bridge in a process of its own, to be killed: ``python -m tests.integration.mqtt_victim PORT FOLDER PROTOCOL``."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from apcbridge.mqtt.settings import MqttProtocol

from .mqtt_world import running, settings_for


async def _live(port: int, folder: Path, protocol: MqttProtocol) -> None:
    async with running(settings_for(port, folder, protocol=protocol)):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_live(int(sys.argv[1]), Path(sys.argv[2]), MqttProtocol(sys.argv[3])))
