from __future__ import annotations

import pytest

from apcbridge.errors import ConfigError
from apcbridge.sim.faults import FaultKind
from apcbridge.sim.profiles import Dialect, UserType
from apcbridge.sim.quirks import CodeOrder, Crlf
from apcbridge.sim.url import describe_words, known_words, parse_url


def test_a_bare_model_has_its_own_firmware_and_outlets() -> None:
    profile = parse_url("sim://AP7930")
    assert (profile.model, profile.app_version, profile.outlets) == ("AP7930", "3.7.3", 24)
    assert profile.dialect is Dialect.D3B


@pytest.mark.parametrize(
    ("url", "dialect", "aos"),
    [
        ("sim://AP9210", Dialect.D0, "1.1.1"),
        ("sim://AP9211", Dialect.D1, "3.0.3"),
        ("sim://AP9225?firmware=2.0.0", Dialect.D2_OLD, "2.5.4"),
        ("sim://AP9225?firmware=2.0.2", Dialect.D2_NEW, "2.5.3"),
        ("sim://AP7930?firmware=2.6.5", Dialect.D3A, "2.6.4"),
        ("sim://AP7900?firmware=2.7.3", Dialect.D3A, "2.7.0"),
        ("sim://ap7920?firmware=v3.9.2", Dialect.D3B, "3.9.2"),
        ("sim://AP7921?firmware=6.0.6", Dialect.D4, "6.0.6"),
        ("sim://AP8959?firmware=1.4.2.1", Dialect.D4, "1.4.2.1"),
    ],
)
def test_model_and_firmware_decide_the_dialect(url: str, dialect: Dialect, aos: str) -> None:
    profile = parse_url(url)
    assert (profile.dialect, profile.aos_version) == (dialect, aos)


def test_words_reach_the_profile() -> None:
    profile = parse_url(
        "sim://AP7920?speed=20&baud=9600&watchdog=off&gateway=dead&ethernet=on&relay_lag=5&boot=60&names=nas,router"
        "&off=2,3&on_delay=4&user=root&password=plum&drop=20&flip=1&outlet_user=ann:pear:1,2&crlf=two&pager_after_row=5"
        "&cli_order=data_first&confirm=off&mute_at=confirm.yes:7"
    )
    assert (profile.speed, profile.baud, profile.watchdog, profile.boot_s) == (20.0, 9600, False, 60.0)
    assert profile.network.gateway not in profile.answering_hosts
    assert profile.names[:3] == ("nas", "router", "Outlet 3")
    assert profile.on[:4] == (True, False, False, True)
    assert profile.on_delay_s == (4,) * 8
    assert (profile.accounts[0].name, profile.accounts[0].password) == ("root", "plum")
    assert profile.accounts[-1].type is UserType.OUTLET
    assert profile.accounts[-1].outlets == (1, 2)
    assert (profile.noise.drop, profile.noise.flip) == (0.2, 0.01)
    assert profile.quirks.crlf is Crlf.TWO
    assert profile.quirks.pager_after_row == 5
    assert profile.quirks.cli_order is CodeOrder.DATA_FIRST
    assert not profile.quirks.confirm
    fault = profile.faults[0]
    assert (fault.step, fault.kind, fault.after_bytes) == ("confirm.yes", FaultKind.MUTE, 7)


def test_words_may_stand_in_any_order() -> None:
    assert parse_url("sim://AP7920?stale=root&user=root").stale_session == "root"


def test_a_gateway_may_be_none_or_an_address() -> None:
    assert parse_url("sim://AP7920?gateway=none").network.gateway == "0.0.0.0"
    assert parse_url("sim://AP7920?gateway=10.1.2.3").network.gateway == "10.1.2.3"


@pytest.mark.parametrize(
    ("url", "culprit"),
    [
        ("sim://AP7920?watchdgo=on", "watchdgo"),
        ("sim://AP7920?speed=fast", "speed"),
        ("sim://AP7920?speed=0", "speed"),
        ("sim://AP7920?speed=nan", "speed"),
        ("sim://AP7920?outlets=x", "outlets"),
        ("sim://AP7920?outlets=99", "outlets"),
        ("sim://AP7920?outlets=3.5", "outlets"),
        ("sim://AP7920?stale=nobody", "stale"),
        ("sim://AP7920?watchdog=maybe", "watchdog"),
        ("sim://AP7920?gateway=nowhere", "gateway"),
        ("sim://AP7920?names=a-name-that-is-too-long-by-one", "names"),
        ("sim://AP7920?off=9", "off"),
        ("sim://AP7920?on_delay=1,2", "on_delay"),
        ("sim://AP7920?crlf=three", "crlf"),
        ("sim://AP7920?mute_at=nowhere", "nowhere"),
        ("sim://AP7920?outlet_user=ann", "outlet_user"),
        ("sim://AP7920?baud=9600&baud=2400", "baud"),
        ("sim://AP7920?baud", "baud"),
        ("sim://AP0000", "AP0000"),
        ("sim://AP7920?firmware=new", "new"),
        ("sim://", "model"),
        ("tcp://AP7920", "sim://"),
    ],
)
def test_a_word_at_fault_is_named(url: str, culprit: str) -> None:
    with pytest.raises(ConfigError, match=culprit):
        parse_url(url)


def test_an_unknown_word_prints_those_that_exist() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_url("sim://AP7920?x=1")
    assert all(word in str(caught.value) for word in known_words())


def test_every_word_but_model_and_firmware_is_described() -> None:
    described = [line.split()[0] for line in describe_words()]
    assert ["firmware", "outlets", *described] == known_words()
    assert "pager_after_row           quirk, 22" in describe_words()
