from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apcbridge.sim.line import Noise, Pacer


def test_9600_baud_is_960_bytes_a_second() -> None:
    pacer = Pacer(9600)
    pacer.push(b"x" * 960, 100.0)
    assert pacer.pull(100.0) == b""
    assert len(pacer.pull(100.5005)) == 480
    assert len(pacer.pull(101.0005)) == 480
    assert pacer.next_at() is None


def test_an_idle_line_saves_up_no_bandwidth() -> None:
    pacer = Pacer(9600)
    pacer.push(b"ab", 0.0)
    assert pacer.pull(50.0) == b"ab"
    pacer.push(b"c" * 100, 60.0)
    assert pacer.pull(60.0) == b""
    assert len(pacer.pull(60.0 + 50.5 / 960)) == 50


def test_no_baud_rate_delivers_at_once() -> None:
    pacer = Pacer(0)
    pacer.push(b"abc", 5.0)
    assert pacer.pull(5.0) == b"abc"


@given(st.lists(st.tuples(st.binary(max_size=50), st.floats(0, 0.2)), max_size=30))
def test_pacing_keeps_every_byte_in_order(pushes: list[tuple[bytes, float]]) -> None:
    pacer = Pacer(2400)
    now = 0.0
    got = b""
    for data, wait in pushes:
        pacer.push(data, now)
        now += wait
        got += pacer.pull(now)
    got += pacer.pull(now + 1000)
    assert got == b"".join(data for data, _ in pushes)


def test_a_quiet_line_changes_nothing() -> None:
    assert Noise().apply(b"hello", random.Random(1)) == b"hello"


@pytest.mark.parametrize(
    ("noise", "length"), [(Noise(drop=1.0), 0), (Noise(insert=1.0), 2000), (Noise(flip=1.0), 1000)]
)
def test_each_kind_of_noise_does_its_harm(noise: Noise, length: int) -> None:
    data = bytes(1000)
    out = noise.apply(data, random.Random(1))
    assert len(out) == length
    assert out != data
    if noise.flip:
        assert all(byte.bit_count() == 1 for byte in out)


def test_the_same_seed_gives_the_same_noise() -> None:
    noise = Noise(drop=0.1, flip=0.1, insert=0.1)
    data = bytes(range(256)) * 4
    assert noise.apply(data, random.Random(7)) == noise.apply(data, random.Random(7))
