"""A configuration is either whole or refused with everything that is wrong with it."""

from __future__ import annotations

import os
import textwrap
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apcbridge.composition import embedded_settings
from apcbridge.config import Config, Endpoint, Secret, examine, load, page
from apcbridge.config.document import DEPTH_LIMIT, SIZE_LIMIT, parse_document
from apcbridge.config.excerpt import excerpt
from apcbridge.config.reference import json_schema
from apcbridge.console.session import Access
from apcbridge.errors import ConfigError, Fault
from apcbridge.model import Policy
from apcbridge.mqtt.settings import DiscoveryMode, MqttProtocol
from apcbridge.pdu.settings import OnPendingLost, SessionMode
from apcbridge.snmp.settings import Access as SnmpAccess

CANARY = "c4n4ry-Of-The-Mine"

EVERYTHING = """\
bridge:
  id: rack-a
  state_dir: state
pdus:
  - id: pdu1
    port: /dev/serial/by-id/usb-FTDI_FT232R_A50285BI-if00-port0
    baud: 9600
    username: apc
    password_file: pdu1.password
    poll_interval: 10
    session: release
    access: auto
    on_pending_lost: report
    outlets:
      3: {name: nas, policy: no-off, reboot_holdoff: 30, min_off_time: 10}
    snmp: {listen: "127.0.0.1:1161"}
  - id: pdu2
    port: socket://terminal-server:4001
    baud: auto
    password: s3cret-two
    session: hold
    access: cli
    on_pending_lost: resume
mqtt:
  url: mqtts://broker.example:8884
  username: apcbridge
  password_file: mqtt.password
  ca_file: ca.pem
  base_topic: apcbridge
  protocol: 3.1.1
  allow_bulk: false
  homeassistant: {discovery: off, prefix: homeassistant, status_topic: homeassistant/status}
snmp:
  communities:
    - {name: m0nitor, access: read, sources: [127.0.0.0/8]}
    - {name: op3rator, access: write, sources: ["::1"]}
"""

SMALL = """\
pdus:
  - id: pdu1
    port: /dev/ttyS0
    password: apc
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in (("pdu1.password", "s3cret-one\n"), ("mqtt.password", "s3cret-mqtt")):
        write_private(tmp_path / name, content)
    (tmp_path / "ca.pem").write_text("a certificate", encoding="ascii")
    return tmp_path


def write_private(path: Path, content: str) -> None:
    path.write_text(content, encoding="utf-8")
    path.chmod(0o600)


def write(folder: Path, text: str) -> Path:
    path = folder / "apcbridge.yaml"
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    return path


def faults_of(folder: Path, text: str) -> tuple[Fault, ...]:
    report = examine(write(folder, text))
    assert report.config is None
    return report.faults


def only_fault(folder: Path, text: str) -> Fault:
    (fault,) = faults_of(folder, text)
    return fault


class TestGoodFiles:
    def test_the_example_of_the_contract_is_read_whole(self, folder: Path) -> None:
        config = load(write(folder, EVERYTHING))
        first, second = config.pdus
        assert (config.bridge.id, config.bridge.state_dir) == ("rack-a", folder / "state")
        assert first.console_password == Secret("s3cret-one")
        assert (first.session, first.access) == (SessionMode.RELEASE, Access.AUTO)
        outlet = first.outlets[3]
        assert (outlet.name, outlet.policy, outlet.reboot_holdoff) == ("nas", Policy.NO_OFF, 30)
        assert first.snmp is not None
        assert first.snmp.listen == Endpoint("127.0.0.1", 1161)
        assert second.console_password == Secret("s3cret-two")
        assert (second.baud, second.access, second.on_pending_lost) == ("auto", Access.CLI, OnPendingLost.RESUME)

    def test_broker_and_communities_are_read(self, folder: Path) -> None:
        config = load(write(folder, EVERYTHING))
        assert config.mqtt is not None
        assert (config.mqtt.broker.host, config.mqtt.broker.port, config.mqtt.broker.tls) == (
            "broker.example",
            8884,
            True,
        )
        assert config.mqtt.secret == Secret("s3cret-mqtt")
        assert config.mqtt.ca_file == folder / "ca.pem"
        assert config.mqtt.protocol is MqttProtocol.V311
        assert config.mqtt.homeassistant is not None
        assert config.mqtt.homeassistant.discovery is DiscoveryMode.OFF, "the bare word off is not YAML's false"
        assert config.snmp is not None
        assert [c.access for c in config.snmp.communities] == [SnmpAccess.READ, SnmpAccess.WRITE]

    def test_what_is_not_configured_is_off(self, folder: Path) -> None:
        config = load(write(folder, SMALL))
        assert (config.mqtt, config.snmp, config.web, config.pdus[0].snmp) == (None, None, None, None)

    def test_the_scheme_of_a_url_may_be_in_capitals(self, folder: Path) -> None:
        text = SMALL.replace("/dev/ttyS0", "SIM://AP7920") + "mqtt: {url: 'EMBEDDED://127.0.0.1:1883'}\n"
        config = load(write(folder, text))
        assert config.pdus[0].port == "sim://AP7920"
        assert config.mqtt is not None
        assert embedded_settings(config.mqtt) is not None

    def test_a_version_may_be_a_number(self, folder: Path) -> None:
        config = load(write(folder, SMALL + "mqtt: {url: 'mqtt://localhost', protocol: 5}\n"))
        assert config.mqtt is not None
        assert config.mqtt.protocol is MqttProtocol.V5
        assert config.mqtt.broker.port == 1883

    def test_pdus_may_share_settings_by_an_alias(self, folder: Path) -> None:
        config = load(
            write(
                folder,
                """\
                pdus:
                  - &rack {id: pdu1, port: /dev/ttyS0, username: device, password: apc, poll_interval: 20}
                  - {<<: *rack, id: pdu2, port: /dev/ttyS1}
                """,
            )
        )
        assert [(p.id, p.port, p.poll_interval) for p in config.pdus] == [
            ("pdu1", "/dev/ttyS0", 20),
            ("pdu2", "/dev/ttyS1", 20),
        ]

    def test_words_that_older_yaml_mistakes_stay_words(self, folder: Path) -> None:
        text = "pdus: [{id: pdu1, port: /dev/ttyS0, password: 0123, outlets: {1: {name: off}, 2: {name: no}}}]"
        pdu = load(write(folder, text)).pdus[0]
        assert pdu.console_password == Secret("0123")
        assert [outlet.name for outlet in pdu.outlets.values()] == ["off", "no"]

    @pytest.mark.parametrize(
        ("poll_s", "stale_s", "lost_s"), [(1, 15.0, 25.0), (5, 15.0, 25.0), (10, 30.0, 50.0), (60, 180.0, 300.0)]
    )
    def test_limits_of_freshness_follow_the_poll_interval(
        self, folder: Path, poll_s: int, stale_s: float, lost_s: float
    ) -> None:
        pdu = load(write(folder, SMALL + f"    poll_interval: {poll_s}\n")).pdus[0]
        assert (pdu.stale_after_s, pdu.lost_after_s) == (stale_s, lost_s)

    def test_a_community_without_sources_is_for_the_loopback(self, folder: Path) -> None:
        config = load(
            write(folder, SMALL + "    snmp: {listen: '[::1]:1161'}\nsnmp: {communities: [{name: m0nitor}]}\n")
        )
        assert config.snmp is not None
        assert [str(n) for n in config.snmp.communities[0].allowed_sources] == ["127.0.0.0/8", "::1/128"]

    def test_the_configuration_cannot_be_changed(self, folder: Path) -> None:
        config = load(write(folder, EVERYTHING))
        with pytest.raises(ValueError, match="frozen"):
            config.bridge.id = "other"  # type: ignore[misc]  # what the test shows
        with pytest.raises(TypeError):
            config.pdus[0].outlets[4] = config.pdus[0].outlets[3]  # type: ignore[index]  # what the test shows


class TestFaults:
    def test_every_fault_is_told_at_once_with_its_place(self, folder: Path) -> None:
        path = write(
            folder,
            """\
            bridge: {id: Rack A}
            pdus:
              - id: pdu1
                port: ttyUSB0
                outlets: {3: {policy: never}, x: {}}
              - id: pdu1
                port: /dev/ttyS0
                pasword: apc
            mqtt: {username: me}
            """,
        )
        with pytest.raises(ConfigError) as caught:
            load(path)
        assert [(f.line, f.column, f.key) for f in caught.value.faults] == [
            (1, 14, "bridge.id"),
            (3, 5, "pdus[0]"),
            (4, 11, "pdus[0].port"),
            (5, 27, "pdus[0].outlets.3.policy"),
            (5, 35, "pdus[0].outlets.x"),
            (6, 9, "pdus[1].id"),
            (8, 5, "pdus[1].pasword"),
            (9, 1, "mqtt.url"),
        ]
        assert str(caught.value).splitlines() == [str(fault) for fault in caught.value.faults]
        assert all(str(fault).startswith(f"{path}:{fault.line}:{fault.column}: ") for fault in caught.value.faults)

    @pytest.mark.parametrize(
        ("section", "key", "words"),
        [
            ("bridge: {state_dri: /x}", "bridge.state_dri", "did you mean state_dir?"),
            ("bridge: {zzz: /x}", "bridge.zzz", "known here are id, state_dir"),
            ("mqtt: {url: 'http://broker'}", "mqtt.url", "the scheme must be one of mqtt, mqtts"),
            ("mqtt: {url: 'mqtt://broker:x'}", "mqtt.url", "needs a host and a port"),
            ("mqtt: {url: 'mqtt://me:pw@broker'}", "mqtt.url", "keys of their own"),
            ("mqtt: {url: 'mqtt://broker', base_topic: 'a/#'}", "mqtt.base_topic", "wildcards"),
            ("mqtt: {url: 'mqtt://broker', protocol: 4}", "mqtt.protocol", "'auto', '5' or '3.1.1'"),
            ("mqtt: {url: 'mqtt://broker', allow_bulk: maybe}", "mqtt.allow_bulk", "true or false"),
            ("mqtt: {url: 'mqtt://broker', ca_file: ca.pem}", "mqtt.ca_file", "not encrypted"),
            ("mqtt: {url: 'mqtts://broker', ca_file: gone.pem}", "mqtt.ca_file", "is not there"),
            ("mqtt: {url: 'mqtts://broker', cert_file: ca.pem}", "mqtt.cert_file", "go together"),
            ("mqtt: {url: 'mqtt://broker', password: x}", "mqtt", "add username"),
            ("mqtt: {url: 'embedded://0.0.0.0:1883'}", "mqtt.url", "open to the network"),
            ("mqtt: [url]", "mqtt", "must be a mapping"),
            ("snmp: {communities: [{name: Public}]}", "snmp.communities[0].name", "allow_weak_community"),
            ("snmp: {communities: [{name: abc}, {name: abc}]}", "snmp.communities[1].name", "twice"),
            ("snmp: {communities: [{name: abc, access: rw}]}", "snmp.communities[0].access", "'read' or 'write'"),
            (
                "snmp: {communities: [{name: abc, sources: [10.0.0.1/8]}]}",
                "snmp.communities[0].sources[0]",
                "did you mean 10.0.0.0/8?",
            ),
            ("snmp: {communities: {name: abc}}", "snmp.communities", "must be a list"),
            ("snmp: {requests_per_second: 0}", "snmp.requests_per_second", "1"),
            ("snmp: {private_root: 1.3.x}", "snmp.private_root", "object identifier"),
        ],
    )
    def test_each_section_says_what_is_wrong(self, folder: Path, section: str, key: str, words: str) -> None:
        fault = only_fault(folder, f"{SMALL}{section}\n")
        assert fault.key == key
        assert words in fault.reason

    @pytest.mark.parametrize(
        ("line", "key", "words"),
        [
            ("port: ttyUSB0", "port", "full path"),
            ("port: ftp://host:1", "port", "is none of socket://"),
            ("port: socket://host", "port", "needs a host and a port"),
            ("port: telnet://host:70000", "port", "up to 65535"),
            ("port: 'socket://[::g]:1'", "port", "is not a URL"),
            ("port: sim://", "port", "needs a model"),
            ("port: sim://AP0", "port", "no simulated model"),
            ("port: rfc2217://host", "port", "needs a host and a port"),
            ("port: socket://host:0", "port", "above 0"),
            ("port: socket://192.0.2.256:4001", "port", "needs a host and a port"),
            ("baud: 9601", "baud", "must be auto or one of"),
            ("poll_interval: 0.1", "poll_interval", "at least 1"),
            ("poll_interval: 1e9", "poll_interval", "must be a number"),
            ("poll_interval: '10'", "poll_interval", "must be a number"),
            ("poll_interval: true", "poll_interval", "must be a number"),
            ("poll_interval: 10s", "poll_interval", "without quotes or a unit"),
            ("username: 123", "username", "put it in quotes"),
            (f"username: {'x' * 257}", "username", "longer than 256 characters"),
            ("username:", "username", "is empty"),
            ('username: "a\\nb"', "username", "one line"),
            ("session: keep", "session", "'release' or 'hold'"),
            ("outlets: {0: {}}", "outlets.0", "1 to 128"),
            ("outlets: {1: nas}", "outlets.1", "must be a mapping"),
            ("outlets: {1: {reboot_holdoff: -1}}", "outlets.1.reboot_holdoff", "at least 0"),
            ("outlets: {1: {}, 1: {}}", "outlets.1", "stands here twice"),
            ("snmp: {listen: 1161}", "snmp.listen", "host:port"),
            ("snmp: 127.0.0.1:1161", "snmp", "known keys are listen"),
            ("snmp: {listen: '1161'}", "snmp.listen", "host:port"),
        ],
    )
    def test_each_setting_of_a_pdu_says_what_is_wrong(self, folder: Path, line: str, key: str, words: str) -> None:
        name = line.split(":", maxsplit=1)[0]
        settings_of_pdu = {"id": "id: pdu1", "port": "port: /dev/ttyS0", "password": "password: apc"} | {name: line}
        text = "pdus:\n  -\n" + "".join(f"    {setting}\n" for setting in settings_of_pdu.values())
        fault = only_fault(folder, text)
        assert fault.key == f"pdus[0].{key}"
        assert words in fault.reason

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("", "there is no PDU"),
            ("pdus: []", "there is no PDU"),
            ("pdus:", "must be a list"),
            ("just words", "must be a mapping"),
            ("- a list", "must be a mapping"),
            ("pdus: [", "not valid YAML"),
            ("pdus:\n\t- x", "a tab stands where only spaces may"),
            ("pdus: >x", "begins with > or | needs quotes"),
            ("pdus: *nowhere", "an alias"),
            ("a: b: c", "needs quotes"),
            ("pdus: !!python/object:os.system {}", "tags"),
            ("pdus: 'open", "a quote is not closed"),
            ("--- {}\n--- {}", "only one document"),
            ("a: \x01", "control character"),
            ("a: &a [*a]", "nested too deeply"),
            ("a: " + "[" * 3000, "nested too deeply"),
            ("a: " + "{b: " * (DEPTH_LIMIT + 2), "not valid YAML"),
        ],
    )
    def test_a_file_that_is_no_configuration_at_all(self, folder: Path, text: str, words: str) -> None:
        assert any(words in fault.reason for fault in faults_of(folder, text))

    @pytest.mark.parametrize(
        ("text", "place", "words"),
        [
            ('pdus:\n  - id: a\n    port: "/dev/x\n    baud: 9600\n', (3, 11), "a quote is not closed"),
            ("pdus:\n  - id: a\n    port:/dev/x\n    baud: 9600\n", (3, 5), "a key without its ': '"),
            ("pdus\n  - id: a\n", (2, 7), "the line above lacks its ':'"),
            ("web: {listen: x\npdus: []\n", (2, 5), "the bracket of line 1 is not closed"),
            ("PDUs: []\n", (1, 1), "did you mean pdus?"),
            ("pdus: [{id: A b}]\n", (1, 8), "has no password"),
            ('snmp: {traps: [{target: "127.0.0.1:99999"}]}\n', (1, 25), "the port must be a number up to 65535"),
        ],
    )
    def test_a_slip_is_shown_where_it_is_mended(
        self, folder: Path, text: str, place: tuple[int, int], words: str
    ) -> None:
        assert any((f.line, f.column) == place and words in f.reason for f in faults_of(folder, text))

    def test_aliases_cannot_explode(self) -> None:
        levels = "".join(f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 9)}]\n" for i in range(1, 12))
        (fault,) = parse_document("bomb.yaml", f"l0: &l0 [x]\n{levels}").faults
        assert "too large" in fault.reason

    def test_merges_cannot_explode(self) -> None:
        levels = "".join(f"l{i}: &l{i} {{{', '.join([f'<<: *l{i - 1}'] * 9)}}}\n" for i in range(1, 12))
        (fault,) = parse_document("bomb.yaml", f"l0: &l0 {{x: 1}}\n{levels}").faults
        assert "too large" in fault.reason

    def test_a_key_cannot_move_the_cursor(self, folder: Path) -> None:
        report = examine(write(folder, SMALL + '"a\\e[2Jb": 1\n'))
        shown = [str(report.faults[0]), *excerpt(report.document, report.faults[0])]
        assert all(line.isprintable() for line in shown)

    def test_a_file_that_cannot_be_read(self, tmp_path: Path) -> None:
        (fault,) = examine(tmp_path / "none.yaml").faults
        assert fault.reason.startswith("cannot be read: No such file")
        (tmp_path / "big.yaml").write_bytes(b"#" * (SIZE_LIMIT + 1))
        (fault,) = examine(tmp_path / "big.yaml").faults
        assert "is larger than" in fault.reason
        (tmp_path / "latin.yaml").write_bytes(b"a: 1\nb: caf\xe9\n")
        (fault,) = examine(tmp_path / "latin.yaml").faults
        assert (fault.line, fault.column, fault.reason[:17]) == (2, 7, "is not UTF-8 text")


class TestRulesBetweenKeys:
    def test_nothing_is_taken_twice(self, folder: Path) -> None:
        found = faults_of(
            folder,
            """\
            pdus:
              - {id: a, port: /dev/ttyS0, password: x, snmp: {listen: "127.0.0.1:1161"}}
              - {id: a, port: /dev/ttyS0, password: x, snmp: {listen: "127.0.0.1:1161"}}
              - {id: b, port: "sim://AP7920", password: x, snmp: {listen: "127.0.0.1:0"}}
              - {id: c, port: "sim://AP7920", password: x, snmp: {listen: "127.0.0.1:0"}}
            snmp: {communities: [{name: abc}]}
            """,
        )
        assert [fault.key for fault in found] == ["pdus[1].id", "pdus[1].port"]

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("{folder}/ttyUSB0", "{folder}/by-id"),
            ("/dev/ttyS0", "/dev//ttyS0"),
            ("socket://Host:4001", "telnet://host:4001"),
        ],
    )
    def test_a_line_by_another_name_is_the_same_line(self, folder: Path, one: str, other: str) -> None:
        (folder / "by-id").symlink_to(folder / "ttyUSB0")
        one, other = one.format(folder=folder), other.format(folder=folder)
        text = SMALL.replace("/dev/ttyS0", one) + f"  - {{id: pdu2, port: '{other}', password: apc}}\n"
        fault = only_fault(folder, text)
        assert (fault.key, "by pdus[0].port" in fault.reason) == ("pdus[1].port", True)

    @pytest.mark.parametrize(
        ("one", "other", "good"),
        [
            ("0.0.0.0:1161", "127.0.0.1:1161", False),
            ("127.0.0.1:1161", "0.0.0.0:1161", False),
            ("[::]:1161", "127.0.0.1:1161", False),
            ("0.0.0.0:1161", "[::1]:1161", True),
            ("[::]:1161", "[::1]:1161", False),
            ("0.0.0.0:1161", "0.0.0.0:1162", True),
            ("0.0.0.0:1161", "0.0.0.0:1161", True),
            ("127.0.0.1:1161", "[::1]:1161", True),
            ("0.0.0.0:0", "127.0.0.1:0", True),
        ],
    )
    def test_every_address_includes_the_others(self, folder: Path, one: str, other: str, *, good: bool) -> None:
        text = f"""\
            pdus:
              - {{id: a, port: /dev/ttyS0, password: x, snmp: {{listen: "{one}"}}}}
              - {{id: b, port: /dev/ttyS1, password: x, snmp: {{listen: "{other}"}}}}
            snmp: {{communities: [{{name: abc, sources: [127.0.0.0/8]}}]}}
            """
        report = examine(write(folder, text))
        assert [fault.key for fault in report.faults] == ([] if good else ["pdus[1].snmp.listen"])

    def test_the_state_directory_is_no_file(self, folder: Path) -> None:
        fault = only_fault(folder, "bridge: {state_dir: ca.pem}\n" + SMALL)
        assert (fault.key, "is not a directory" in fault.reason) == ("bridge.state_dir", True)

    def test_the_topics_of_the_bridge_are_no_pdu(self, folder: Path) -> None:
        fault = only_fault(folder, SMALL.replace("pdu1", "bridge"))
        assert fault.key == "pdus[0].id"

    def test_one_password_and_only_one(self, folder: Path) -> None:
        without = only_fault(folder, SMALL.replace("    password: apc\n", ""))
        assert (without.key, without.line, "no password" in without.reason) == ("pdus[0]", 2, True)
        both = only_fault(folder, SMALL + "    password_file: pdu1.password\n")
        assert (both.key, "exclude each other" in both.reason) == ("pdus[0].password", True)

    def test_our_topics_are_not_home_assistants(self, folder: Path) -> None:
        mqtt = "mqtt: {url: 'mqtt://127.0.0.1', base_topic: homeassistant, homeassistant: {}}\n"
        fault = only_fault(folder, SMALL + mqtt)
        assert (fault.key, "choose another" in fault.reason) == ("mqtt.base_topic", True)

    def test_sources_must_be_named_once_an_agent_leaves_the_loopback(self, folder: Path) -> None:
        agent = "    snmp: {listen: '0.0.0.0:1161'}\n"
        snmp = "snmp: {communities: [{name: abc}, {name: def, sources: [10.0.0.0/8]}]}\n"
        fault = only_fault(folder, SMALL + agent + snmp)
        assert fault.key == "snmp.communities[0].sources"

    def test_an_agent_that_nobody_may_ask_is_a_slip(self, folder: Path) -> None:
        agent = "    snmp: {listen: '127.0.0.1:1161'}\n"
        assert only_fault(folder, SMALL + agent).key == "pdus[0].snmp"
        assert only_fault(folder, SMALL + agent + "snmp: {communities: []}\n").key == "snmp"

    def test_weak_communities_need_a_word_of_consent(self, folder: Path) -> None:
        weak = "snmp: {allow_weak_community: true, communities: [{name: public}, {name: private}]}\n"
        assert examine(write(folder, SMALL + weak)).config is not None

    def test_one_slip_does_not_hide_another_nor_invent_one(self, folder: Path) -> None:
        found = faults_of(
            folder,
            """\
            pdus:
              - {id: a, port: nowhere, password_file: gone}
              - {id: a, port: /dev/ttyS0, password: x, snmp: {listen: "0.0.0.0:161"}}
            snmp: {communities: [{name: public, sources: [nonsense]}]}
            """,
        )
        assert [fault.key for fault in found] == [
            "pdus[0].port",
            "pdus[0].password_file",
            "pdus[1].id",
            "snmp.communities[0].name",
            "snmp.communities[0].sources[0]",
        ]


class TestSecrets:
    def test_a_secret_shows_itself_only_when_asked(self) -> None:
        secret = Secret(CANARY)
        assert CANARY not in f"{secret} {secret!r} {[secret]}"
        assert secret.reveal() == CANARY

    def test_no_configuration_shows_a_secret(self, folder: Path) -> None:
        config = load(write(folder, EVERYTHING))
        shown = f"{config} {config!r}"
        for secret in config.secrets():
            assert secret.reveal() not in shown
        assert {secret.reveal() for secret in config.secrets()} == {
            "s3cret-one", "s3cret-two", "s3cret-mqtt", "m0nitor", "op3rator",
        }  # fmt: skip

    @pytest.mark.parametrize(
        ("mode", "content", "words"),
        [
            (0o640, "apc", "open to group or others: chmod 600"),
            (0o604, "apc", "open to group or others"),
            (0o600, "", "is empty"),
            (0o600, "\n", "is empty"),
            (0o600, "  \n", "is empty"),
            (0o600, "one\ntwo\n", "one line"),
            (0o600, "x" * 5000, "longer than"),
        ],
    )
    def test_a_secret_file_must_be_private_and_hold_one_line(
        self, folder: Path, mode: int, content: str, words: str
    ) -> None:
        secret = folder / "secret"
        secret.write_text(content, encoding="utf-8")
        secret.chmod(mode)
        fault = only_fault(folder, SMALL.replace("password: apc", "password_file: secret"))
        assert (fault.key, words in fault.reason) == ("pdus[0].password_file", True)

    def test_a_secret_file_that_is_not_there_is_to_be_written(self, folder: Path) -> None:
        fault = only_fault(folder, SMALL.replace("password: apc", "password_file: none"))
        assert fault.reason == f"{folder / 'none'} is not there: write the secret into it and chmod 600 it"

    def test_a_pipe_is_no_secret_file(self, folder: Path) -> None:
        os.mkfifo(folder / "pipe", 0o600)
        assert "regular" in only_fault(folder, SMALL.replace("password: apc", "password_file: pipe")).reason

    def test_a_credential_of_systemd_is_found_by_name(
        self, folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        credentials = tmp_path_factory.mktemp("credentials")
        (credentials / "pdu1.password").write_text("from-systemd\n", encoding="ascii")
        (credentials / "pdu1.password").chmod(0o440)
        monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
        config = load(write(folder, EVERYTHING))
        assert config.pdus[0].console_password == Secret("from-systemd")
        assert config.mqtt is not None
        assert config.mqtt.secret == Secret("s3cret-mqtt"), "what systemd does not have is beside the file"

    @pytest.mark.parametrize(
        "text",
        [
            f"pdus: [{{id: a, port: /dev/x, password: {CANARY}, x: 1}}]",
            f"pdus: [{{id: a, port: /dev/x, pasword: {CANARY}}}]",
            f"pdus: [{{id: a, port: /dev/x, password: [{CANARY}]}}]",
            f"pdus: [{{id: a, port: /dev/x, password: {{{CANARY}: {CANARY}}}}}]",
            f"pdus: [{{id: a, port: /dev/x, password: x, password: {CANARY}, password: y}}]",
            f"pdus: [{{id: a, port: x, password: x}}] # once {CANARY}",
            f"pdus:\n  - password: !{CANARY} x\n",
            f"pdus:\n  - password: *{CANARY}\n",
            f"pdus:\n  - password: {CANARY}: x\n",
            f"pdus:\n  - password: '{CANARY}\n",
            f"snmp: {{communities: [{{name: {CANARY}, acess: x}}, {{name: {CANARY}}}]}}",
            f"snmp: {{communities: {CANARY}}}",
            f"snmp: {{communities: [{CANARY}]}}",
            f"snmp: {{communities: {{{CANARY}: read}}}}",
            f"snmp: {{traps: [{{target: x, community: {CANARY}}}]}}",
            f"mqtt: {{url: 'mqtt://me:{CANARY}@broker'}}",
        ],
    )
    def test_no_fault_and_no_excerpt_shows_a_secret(self, folder: Path, text: str) -> None:
        report = examine(write(folder, text))
        shown = [str(fault) for fault in report.faults]
        shown += [line for fault in report.faults for line in excerpt(report.document, fault)]
        assert report.faults
        assert CANARY not in "\n".join(shown)


class TestAnyFile:
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
    @given(st.data())
    def test_a_broken_file_is_refused_with_faults_and_nothing_else(self, folder: Path, data: st.DataObject) -> None:
        lines = EVERYTHING.splitlines()
        for _ in range(data.draw(st.integers(1, 3))):
            index = data.draw(st.integers(0, len(lines) - 1))
            cut = data.draw(st.integers(0, len(lines[index])))
            inserted = data.draw(
                st.text(st.characters(codec="utf-8"), max_size=4) | st.sampled_from(list("{}[]:-#&*!|>'\"%@`,"))
            )
            lines[index] = lines[index][:cut] + inserted + lines[index][cut + data.draw(st.integers(0, 8)) :]
        report = examine(write(folder, "\n".join(lines)))
        assert (report.config is None) == bool(report.faults)
        for fault in report.faults:
            assert fault.file.endswith("apcbridge.yaml")
            assert fault.reason
            excerpt(report.document, fault)


def test_the_schema_describes_every_key() -> None:
    schema = json_schema()
    definitions = schema["$defs"]
    assert isinstance(definitions, dict)
    models = [schema, *(d for d in definitions.values() if isinstance(d, dict) and "properties" in d)]
    for model in models:
        properties = model["properties"]
        assert isinstance(properties, dict)
        for name, entry in properties.items():
            assert isinstance(entry, dict)
            assert entry.get("description"), f"{model.get('title')}: {name}"


def test_a_checked_configuration_always_has_its_passwords(folder: Path) -> None:
    unchecked = Config.model_validate({"pdus": [{"id": "a", "port": "/dev/x"}]})
    with pytest.raises(ValueError, match="was not checked"):
        _ = unchecked.pdus[0].console_password


def test_the_example_file_is_good(folder: Path) -> None:
    example = Path(__file__).resolve().parents[2] / "config" / "apcbridge.yaml"
    config = load(write(folder, example.read_text(encoding="utf-8")))
    assert config.pdus[0].outlets[1].policy is Policy.READ_ONLY
    assert config.mqtt is not None
    assert config.snmp is not None


def test_the_reference_page_is_current() -> None:
    page_file = Path(__file__).resolve().parents[2] / "docs" / "configuration.md"
    assert page_file.read_text(encoding="utf-8") == page.render(), "run make docs"
