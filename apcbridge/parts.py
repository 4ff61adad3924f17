"""The parts that run in the background, and how a new configuration changes them while the others go on."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from apcbridge.errors import ApcBridgeError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping

log = logging.getLogger(__name__)

OPEN_S = 20.0
"""How long a part may take to open its sockets."""


class Part(Protocol):
    """A part that runs in the background and shows that it moves."""

    @property
    def progress_mono(self) -> float:
        """When it last got somewhere."""

    def run(self) -> Coroutine[object, object, None]:
        """Serve until cancelled; raise an ApcBridgeError if it cannot."""

    async def opened(self) -> None:
        """Return once it is ready to serve."""


@dataclass(frozen=True, slots=True)
class Blueprint:
    """A part that the configuration asks for. One of equal settings need not be built anew."""

    settings: object
    build: Callable[[], Part]
    adopt: Callable[[Part], Awaitable[None]] | None = None
    """Gives the settings to a running part of equal :attr:`identity`, so that it need not be built anew either."""
    identity: object = None

    def may_go_on(self, other: Blueprint) -> bool:
        """Tell whether a part that runs by another blueprint may go on under this one."""
        return self.settings == other.settings or (self.adopt is not None and self.identity == other.identity)


@dataclass(frozen=True, slots=True)
class _Running:
    blueprint: Blueprint
    part: Part
    task: asyncio.Task[None]


class Parts:
    """The running parts by name."""

    def __init__(self, group: asyncio.TaskGroup, leave: Callable[[Mapping[str, Part]], Awaitable[None]]) -> None:
        """``leave`` ends parts in order before their tasks are cancelled."""
        self._group = group
        self._leave = leave
        self._running: dict[str, _Running] = {}
        self._broken: dict[str, ApcBridgeError] = {}
        self._forgiving = False

    def __iter__(self) -> Iterator[tuple[str, Part]]:
        return iter([(name, running.part) for name, running in self._running.items()])

    def start(self, wanted: Mapping[str, Blueprint]) -> None:
        """Start the bridge's first parts; one that cannot run ends the task group with its error."""
        for name, blueprint in wanted.items():
            self._start(name, blueprint)

    async def opened(self) -> None:
        """Return once every part is ready to serve."""
        for running in tuple(self._running.values()):
            await running.part.opened()

    async def change(self, wanted: Mapping[str, Blueprint]) -> tuple[str, ...]:
        """End what is not wanted any more, start what is new or different; return the names of what changed.

        Parts that can adopt their new settings do so last, when everything else is in place. If a new part cannot run,
        everything is put back as it was and its error is raised.
        """
        before = {name: running.blueprint for name, running in self._running.items()}
        self._forgiving = True
        changed = await self._become(wanted)
        if self._broken:
            error = next(iter(self._broken.values()))
            self._broken.clear()
            await self._become(before)
            self._broken.clear()
            raise error
        adopted = await self._adopt(wanted)
        return tuple(dict.fromkeys([*changed, *adopted]))

    async def end(self) -> None:
        """End every part in order."""
        await self._end(tuple(self._running))

    async def _become(self, wanted: Mapping[str, Blueprint]) -> tuple[str, ...]:
        ended = [n for n, r in self._running.items() if n not in wanted or not wanted[n].may_go_on(r.blueprint)]
        await self._end(ended)
        begun = [name for name in wanted if name not in self._running]
        for name in begun:
            self._start(name, wanted[name])
        await self._until_open(begun)
        return tuple(dict.fromkeys([*ended, *begun]))

    async def _adopt(self, wanted: Mapping[str, Blueprint]) -> tuple[str, ...]:
        adopted = []
        for name, blueprint in wanted.items():
            running = self._running[name]
            if blueprint.adopt is not None and blueprint.settings != running.blueprint.settings:
                await blueprint.adopt(running.part)
                self._running[name] = replace(running, blueprint=blueprint)
                adopted.append(name)
        return tuple(adopted)

    async def _end(self, names: Iterable[str]) -> None:
        running = {name: self._running.pop(name) for name in tuple(names)}
        await self._leave({name: one.part for name, one in running.items()})
        for one in running.values():
            one.task.cancel()
        if running:
            await asyncio.wait([one.task for one in running.values()])

    def _start(self, name: str, blueprint: Blueprint) -> None:
        part = blueprint.build()
        task = self._group.create_task(self._run(name, part), name=name)
        self._running[name] = _Running(blueprint, part, task)

    async def _run(self, name: str, part: Part) -> None:
        try:
            await part.run()
        except ApcBridgeError as error:
            if not self._forgiving:
                raise
            log.error("%s: %s", name, error)  # noqa: TRY400 - the message says it all
            self._broken[name] = error

    async def _until_open(self, names: Iterable[str]) -> None:
        """Wait until parts are open or have failed, and drop those that failed."""
        begun = [self._running[name] for name in names]
        opening = [asyncio.ensure_future(_first(one.part.opened(), one.task)) for one in begun]
        if opening:
            _, late = await asyncio.wait(opening, timeout=OPEN_S)
            for waiting in late:
                waiting.cancel()
        for name in tuple(self._running):
            if self._running[name].task.done():
                del self._running[name]


async def _first(opened: Coroutine[object, object, None], task: asyncio.Task[None]) -> None:
    """Return when a part is open or its task has ended."""
    opening = asyncio.ensure_future(opened)
    try:
        await asyncio.wait({opening, task}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        opening.cancel()
