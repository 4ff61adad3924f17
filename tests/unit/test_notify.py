"""systemd hears that we are ready, alive only while we are, and why if we are not."""

from __future__ import annotations

import logging
import os
import sys

import pytest

from apcbridge.health import Progress
from apcbridge.notify import Supervision, find_notify, watchdog_interval_s


class Heard:
    def __init__(self) -> None:
        self.said: list[str] = []

    def __call__(self, status: str) -> bool:
        self.said.append(status)
        return True


def test_the_watchdog_is_fed_only_while_everybody_moves(caplog: pytest.LogCaptureFixture) -> None:
    heard, progress = Heard(), Progress()
    supervision = Supervision(heard, progress)
    progress.register("mqtt", 10, now_mono=0)
    supervision.ready()
    supervision.watch(5)
    for now_mono in (11, 12, 13):
        supervision.watch(now_mono)
    assert heard.said == ["READY=1", "WATCHDOG=1", "STATUS=hung: mqtt"]
    assert caplog.messages == ["no progress of mqtt for 11 s: the watchdog is not fed"]
    progress.beat("mqtt", 14)
    supervision.watch(15)
    assert heard.said[-1] == "WATCHDOG=1"


def test_a_status_is_told_once() -> None:
    heard = Heard()
    supervision = Supervision(heard, Progress())
    for text in ("2 of 2 PDUs fresh", "2 of 2 PDUs fresh", "1 of 2 PDUs fresh"):
        supervision.status(text)
    supervision.stopping()
    assert heard.said == ["STATUS=2 of 2 PDUs fresh", "STATUS=1 of 2 PDUs fresh", "STOPPING=1"]


def test_without_systemd_nothing_is_told_and_nothing_breaks(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert find_notify() is None
    Supervision(None, Progress()).ready()
    assert not caplog.messages


def test_a_service_without_the_extra_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", "@nobody")
    monkeypatch.setitem(sys.modules, "systemd.daemon", None)
    with caplog.at_level(logging.WARNING):
        assert find_notify() is None
    assert "install apcbridge[systemd]" in caplog.text


@pytest.mark.parametrize(
    ("usec", "pid", "interval_s"),
    [
        ("60000000", None, 30.0),
        pytest.param("60000000", str(os.getpid()), 30.0, id="for us"),
        ("60000000", "1", None),
        ("0", None, None),
        ("soon", None, None),
        (None, None, None),
    ],
)
def test_the_watchdog_is_fed_twice_as_often_as_it_asks(
    monkeypatch: pytest.MonkeyPatch, usec: str | None, pid: str | None, interval_s: float | None
) -> None:
    for name, value in (("WATCHDOG_USEC", usec), ("WATCHDOG_PID", pid)):
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    assert watchdog_interval_s() == interval_s
