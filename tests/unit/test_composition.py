"""What the parts are told of a configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from apcbridge.commands import Origin
from apcbridge.composition import (
    AUTO_BAUDS,
    embedded_settings,
    local_socket,
    mqtt_settings,
    pdu_rules,
    pdu_settings,
    snmp_settings,
    web_settings,
)
from apcbridge.config import load
from apcbridge.model import Policy
from apcbridge.mqtt.settings import DiscoveryMode, MqttProtocol
from apcbridge.pdu.settings import RebootBy, SessionMode

if TYPE_CHECKING:
    from pathlib import Path

    from apcbridge.config import Config

PDU = """
pdus:
  - id: p
    port: "sim://AP7920?speed=20"
    password: apc
    baud: auto
    session: hold
    reboot: bridge
    outlets:
      3: {name: nas, policy: no-off, reboot_holdoff: 60, min_off_time: 5}
    snmp: {listen: "127.0.0.1:1161"}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "state").mkdir()
    return tmp_path


def loaded(folder: Path, more: str = "") -> Config:
    path = folder / "apcbridge.yaml"
    path.touch(mode=0o600)
    if "snmp:" not in more:
        more += "snmp: {communities: [{name: mellon}]}\n"
    path.write_text(f"bridge: {{id: b, state_dir: {folder / 'state'}}}\n{PDU}{more}")
    return load(path)


def test_a_pdu(folder: Path) -> None:
    settings = pdu_settings(loaded(folder).pdus[0])
    assert settings.bauds == AUTO_BAUDS
    assert (settings.session, settings.reboot) == (SessionMode.HOLD, RebootBy.BRIDGE)
    assert settings.outlet_names == {3: "nas"}
    assert settings.pace == 20
    assert (settings.stale_after_s, settings.lost_after_s) == (30, 50)
    assert "apc'" not in repr(settings.credentials).replace("username='apc'", "")


def test_rules_of_outlets(folder: Path) -> None:
    config = loaded(folder)
    rule = pdu_rules(config.pdus[0], config).rule(3)
    assert (rule.policy, rule.reboot_holdoff_s, rule.min_off_time_s) == (Policy.NO_OFF, 60, 5)
    assert pdu_rules(config.pdus[0], config).rule(4).policy is Policy.NORMAL


@pytest.mark.parametrize(
    ("more", "doors"),
    [
        ("", {Origin.LOCAL}),
        ("mqtt: {url: 'mqtt://h', allow_bulk: true}\n", {Origin.LOCAL, Origin.MQTT}),
        (
            "mqtt: {url: 'mqtt://h'}\nsnmp: {allow_bulk: true, communities: [{name: mellon}]}\n",
            {Origin.LOCAL, Origin.SNMP},
        ),
    ],
)
def test_all_outlets_at_once_only_where_enabled(folder: Path, more: str, doors: set[Origin]) -> None:
    config = loaded(folder, more)
    assert pdu_rules(config.pdus[0], config).bulk_origins == doors


def test_mqtt_is_silent_towards_home_assistant_unless_told(folder: Path) -> None:
    config = loaded(folder, "mqtt: {url: 'mqtt://h'}\n")
    assert config.mqtt is not None
    settings = mqtt_settings(config, config.mqtt, "1")
    assert settings.homeassistant.discovery is DiscoveryMode.OFF
    assert settings.protocol is MqttProtocol.AUTO
    assert embedded_settings(config.mqtt) is None


def test_two_bridges_of_one_name_have_two_client_ids(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    ids = set()
    for place in (folder, tmp_path_factory.mktemp("other")):
        (place / "state").mkdir(exist_ok=True)
        config = loaded(place, "mqtt: {url: 'mqtt://h'}\n")
        assert config.mqtt is not None
        ids.add(mqtt_settings(config, config.mqtt, "1").client_id)
    assert len(ids) == 2


def test_the_built_in_broker_is_spoken_to_in_its_own_version(folder: Path) -> None:
    config = loaded(folder, "mqtt: {url: 'embedded://127.0.0.1:1883', username: u, password: secret}\n")
    assert config.mqtt is not None
    assert mqtt_settings(config, config.mqtt, "1").protocol is MqttProtocol.V311
    embedded = embedded_settings(config.mqtt)
    assert embedded is not None
    assert embedded.users == {"u": "secret"}


def test_communities_are_called_by_labels_never_by_their_names(folder: Path) -> None:
    settings = snmp_settings(loaded(folder, "snmp: {communities: [{name: mellon, access: write}]}\n"))
    assert settings is not None
    assert settings.communities[0].label == "community-1"
    assert "mellon" not in repr(settings)


def test_the_rate_of_the_agents_is_configured(folder: Path) -> None:
    for key, per_source in (("", 6000), (", requests_per_second: 50000", 50_000)):
        settings = snmp_settings(loaded(folder, f"snmp: {{communities: [{{name: mellon}}]{key}}}\n"))
        assert settings is not None
        assert (settings.limits.per_source, settings.limits.total) == (per_source, 2 * per_source)


def test_without_an_agent_address_there_is_no_agent(folder: Path) -> None:
    path = folder / "plain.yaml"
    path.write_text("pdus: [{id: p, port: 'sim://AP7920', password: apc}]\n")
    path.chmod(0o600)
    assert snmp_settings(load(path)) is None


def test_the_local_socket_is_where_systemd_says(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = loaded(folder)
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    assert local_socket(config) == folder / "state" / "apcbridge.sock"
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(folder))
    assert local_socket(config) == folder / "apcbridge.sock"
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(folder / "missing"))
    assert local_socket(config) is None


def test_the_web_listens_and_controls_only_where_told(folder: Path) -> None:
    settings = web_settings(loaded(folder), "1")
    assert settings.listen == ()
    assert not settings.control
    assert settings.pdus["p"].policy(3) is Policy.NO_OFF
