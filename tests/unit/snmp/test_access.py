"""Who is let in as what, and the proof at every start that a reader writes nothing."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from apcbridge.snmp import desk
from apcbridge.snmp.access import Communities, Grant
from apcbridge.snmp.selftest import AccessBroken, check_access
from apcbridge.snmp.settings import Access, Community

HERE, THERE = (ip_network("127.0.0.0/8"),), (ip_network("192.0.2.0/24"),)


def community(name: str, access: Access, *sources: object, label: str = "c") -> Community:
    return Community(name=name, label=label, access=access, sources=sources)  # type: ignore[arg-type]  # networks


def test_a_community_counts_only_from_its_sources() -> None:
    known = Communities([community("operator", Access.WRITE, *HERE)], ["pdu1"])
    assert known.find(b"operator", "127.0.0.1") == Grant("c", Access.WRITE, None)
    assert known.find(b"operator", "192.0.2.1") is None
    assert known.find(b"Operator", "127.0.0.1") is None
    assert known.find(b"", "127.0.0.1") is None


def test_a_community_without_sources_admits_nobody() -> None:
    assert Communities([community("operator", Access.WRITE)], []).find(b"operator", "127.0.0.1") is None


def test_one_name_may_read_from_afar_and_write_from_here() -> None:
    known = Communities(
        [community("both", Access.READ, *HERE, *THERE, label="r"), community("both", Access.WRITE, *HERE, label="w")],
        [],
    )
    assert known.find(b"both", "127.0.0.1") == Grant("w", Access.WRITE, None)
    assert known.find(b"both", "192.0.2.1") == Grant("r", Access.READ, None)


def test_a_pdu_can_be_asked_for_behind_the_community() -> None:
    known = Communities([community("monitor", Access.READ, *HERE)], ["pdu1", "pdu2"])
    assert known.find(b"monitor@pdu2", "127.0.0.1") == Grant("c", Access.READ, "pdu2")
    assert known.find(b"monitor@pdu3", "127.0.0.1") is None


def test_a_secret_is_not_shown() -> None:
    assert "operator" not in repr(community("operator", Access.WRITE))


def test_readers_cannot_write() -> None:
    check_access()


def test_the_proof_at_start_sees_a_hole(monkeypatch: pytest.MonkeyPatch) -> None:
    class Open:
        """As if every principal could write."""

        WRITE = Access.READ

    monkeypatch.setattr(desk, "Access", Open)
    with pytest.raises(AccessBroken):
        check_access()
