"""What is wrong with an argument is told before anything is done, in words that name what is right."""

from __future__ import annotations

import pytest

from apcbridge.cli import main


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("probe", "foo://x"), "foo:// is none of socket://, telnet://, rfc2217://, sim://"),
        (("probe", "socket://host"), "needs a host and a port"),
        (("record", "sim://AP1"), "no simulated model 'AP1'"),
        (("recover", "telnet://"), "needs a host and a port"),
        (("probe", "--baud", "12", "/dev/x"), "must be auto or one of 1200, 2400"),
        (("probe", "--baud", "fast", "/dev/x"), "must be auto or one of 1200, 2400"),
        (("init", "--yes", "--port", "socket://host"), "needs a host and a port"),
        (("init", "--yes", "--mqtt", "nonsense"), "the scheme must be one of mqtt"),
        (("outlet", "pdu1", "3", "toggle"), "choose from 'on', 'off', 'reboot'"),
        (("outlet", "pdu1", "3", "on", "--ttl", "nan"), "must be 1 to 3600 seconds"),
        (("outlet", "pdu1", "3", "on", "--ttl", "soon"), "'soon' is no number"),
        (("events", "--limit", "0"), "must be 1 to 1000 entries"),
        (("events", "--limit", "1.5"), "'1.5' is no number"),
        (("events", "--since", "yesterday"), "'yesterday' is no moment: try 90s, 15m"),
    ],
)
def test_a_slip_is_usage_and_says_what_is_expected(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], complaint: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert complaint in capsys.readouterr().err
