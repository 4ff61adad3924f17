"""A bridge in a process of its own: event loop, signals, and the error that people see when it cannot go on."""

from __future__ import annotations

import asyncio
import gc
import signal
from typing import TYPE_CHECKING

from apcbridge.app import Bridge
from apcbridge.composition import embedded_settings
from apcbridge.errors import ApcBridgeError
from apcbridge.statelock import only_bridge_in

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from apcbridge.config import Config

    Beside = Callable[[Bridge], Coroutine[object, object, None]]

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def serve(load: Callable[[], Config], beside: Beside | None = None) -> None:
    """Run a bridge until a signal stops it; SIGHUP reloads. ``beside`` runs with it, and its end changes nothing.

    Raises the ApcBridgeError that made it impossible to start or to go on.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})  # one that comes early waits until it can be obeyed
    config = load()
    settle()
    with only_bridge_in(config.bridge.state_dir), asyncio.Runner(loop_factory=_loop_factory(config)) as runner:
        try:
            runner.run(_serve(Bridge(config, load), beside))
        except ExceptionGroup as group:
            ours, others = group.split(ApcBridgeError)
            if ours is None or others is not None:
                raise
            raise _first(ours) from None


def settle() -> None:
    """Take what was loaded for good out of the garbage collector's sight.

    Looking through all of it again and again would stop every console, MQTT and SNMP alike for 30 ms each time.
    """
    gc.collect()
    gc.freeze()


async def _serve(bridge: Bridge, beside: Beside | None) -> None:
    loop = asyncio.get_running_loop()
    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, bridge.stop)
    loop.add_signal_handler(signal.SIGHUP, bridge.reload_soon)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
    async with asyncio.TaskGroup() as group:
        company = group.create_task(beside(bridge)) if beside else None
        await bridge.run()
        if company is not None:
            company.cancel()


def _first(group: BaseExceptionGroup[ApcBridgeError]) -> ApcBridgeError:
    """Return the first error of a group of groups: the one that ended the others."""
    inner = group.exceptions[0]
    return _first(inner) if isinstance(inner, BaseExceptionGroup) else inner


def _loop_factory(config: Config) -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return uvloop's loop where it is installed: a turn of it costs half of what asyncio's own does.

    The built-in broker's library writes to connections that have gone, which uvloop answers with tracebacks.
    """
    if config.mqtt is not None and embedded_settings(config.mqtt) is not None:
        return None
    try:
        import uvloop  # noqa: PLC0415 - an extra
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory
