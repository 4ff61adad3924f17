"""Parts are started, changed and ended; a change that cannot be made is undone."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pytest

from apcbridge.errors import ConfigError
from apcbridge.parts import Blueprint, Part, Parts

if TYPE_CHECKING:
    from collections.abc import Mapping


class Fake:
    """A part that notes its life."""

    progress_mono = 0.0

    def __init__(self, name: str, life: list[str], error: ConfigError | None = None) -> None:
        self.name = name
        self._life = life
        self._error = error
        self._opened = asyncio.Event()

    async def run(self) -> None:
        if self._error is not None:
            raise self._error
        self._life.append(f"{self.name} runs")
        self._opened.set()
        try:
            await asyncio.Event().wait()
        finally:
            self._life.append(f"{self.name} ends")

    async def opened(self) -> None:
        await self._opened.wait()


class World:
    """Parts with what they did."""

    def __init__(self, group: asyncio.TaskGroup) -> None:
        self.life: list[str] = []
        self.parts = Parts(group, self._leave)

    async def _leave(self, parts: Mapping[str, Part]) -> None:
        self.life += [f"leave {name}" for name in parts]

    def plan(self, name: str, settings: object = 1, error: ConfigError | None = None) -> Blueprint:
        return Blueprint(settings, partial(Fake, f"{name}{settings}", self.life, error))


async def test_only_what_differs_is_renewed() -> None:
    async with asyncio.TaskGroup() as group:
        world = World(group)
        world.parts.start({"a": world.plan("a"), "b": world.plan("b"), "c": world.plan("c")})
        await world.parts.opened()
        world.life.clear()
        changed = await world.parts.change({"a": world.plan("a"), "b": world.plan("b", 2), "d": world.plan("d")})
        assert changed == ("b", "c", "d")
        assert world.life == ["leave b", "leave c", "b1 ends", "c1 ends", "b2 runs", "d1 runs"]
        assert [name for name, _ in world.parts] == ["a", "b", "d"]
        await world.parts.end()


async def test_a_change_that_cannot_be_made_is_undone() -> None:
    async with asyncio.TaskGroup() as group:
        world = World(group)
        world.parts.start({"a": world.plan("a"), "b": world.plan("b")})
        await world.parts.opened()
        broken = world.plan("b", 2, ConfigError("port 161 is taken"))
        with pytest.raises(ConfigError, match="161"):
            await world.parts.change({"a": world.plan("a", 2), "b": broken})
        assert world.life[-2:] == ["a1 runs", "b1 runs"]
        assert sorted(name for name, _ in world.parts) == ["a", "b"]
        await world.parts.change({"a": world.plan("a", 3), "b": world.plan("b")})
        assert world.life[-1] == "a3 runs"
        await world.parts.end()


def adoptable(world: World, settings: int, identity: str = "same") -> Blueprint:
    async def adopt(part: Part) -> None:
        assert isinstance(part, Fake)
        world.life.append(f"{part.name} adopts {settings}")

    return replace(world.plan("a", settings), adopt=adopt, identity=identity)


async def test_a_part_that_can_goes_on_with_its_new_settings_once_all_else_is_done() -> None:
    async with asyncio.TaskGroup() as group:
        world = World(group)
        world.parts.start({"a": adoptable(world, 1), "b": world.plan("b")})
        await world.parts.opened()
        world.life.clear()
        assert await world.parts.change({"a": adoptable(world, 2), "b": world.plan("b", 2)}) == ("b", "a")
        assert world.life == ["leave b", "b1 ends", "b2 runs", "a1 adopts 2"]
        assert await world.parts.change({"a": adoptable(world, 2), "b": world.plan("b", 2)}) == ()
        broken = world.plan("b", 3, ConfigError("port 161 is taken"))
        with pytest.raises(ConfigError, match="161"):
            await world.parts.change({"a": adoptable(world, 3), "b": broken})
        assert world.life[-1] == "b2 runs", "nothing is adopted when the whole cannot be had"
        await world.parts.change({"a": adoptable(world, 4, "another"), "b": world.plan("b", 2)})
        assert world.life[-2:] == ["a1 ends", "a4 runs"]
        await world.parts.end()


async def test_a_first_part_that_cannot_run_ends_everything() -> None:
    async def start() -> None:
        async with asyncio.TaskGroup() as group:
            world = World(group)
            world.parts.start({"a": world.plan("a"), "b": world.plan("b", 1, ConfigError("no"))})

    with pytest.raises(ExceptionGroup) as caught:
        await start()
    assert caught.group_contains(ConfigError)


async def test_ending_leaves_in_order_first() -> None:
    async with asyncio.TaskGroup() as group:
        world = World(group)
        world.parts.start({"a": world.plan("a")})
        await world.parts.opened()
        await world.parts.end()
    assert world.life == ["a1 runs", "leave a", "a1 ends"]
