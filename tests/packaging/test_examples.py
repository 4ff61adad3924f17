"""config/examples, each with the program it is for, against a running bridge with a simulated PDU."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import re
import shlex
import shutil
import subprocess
import sys
import time
import urllib.request
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from apcbridge.config import examine
from tests.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLES = Path(__file__).resolve().parents[2] / "config" / "examples"
PLUGINS = Path("/usr/lib/nagios/plugins")
SNMP_UPS = Path("/lib/nut/snmp-ups")
DEADLINE_S = 60.0

pytestmark = [pytest.mark.debian, pytest.mark.skipif(not shutil.which("snmpget"), reason="net-snmp is not installed")]


@dataclass(frozen=True, slots=True)
class Bridge:
    """Where a bridge called ``rack-a`` with one PDU, ``pdu1``, can be asked."""

    mqtt: int
    snmp: int
    web: int

    def localise(self, text: str) -> str:
        """Put our ports and community in the place of those in an example."""
        swaps = {"1883": self.mqtt, "1161": self.snmp, "8080": self.web, "change-me-monitor": "monitor"}
        return re.sub("|".join(swaps), lambda found: str(swaps[found[0]]), text)

    def metrics(self) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.web}/metrics", timeout=DEADLINE_S) as answer:
            text: bytes = answer.read()
            return text.decode()


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", **environment}
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=2 * DEADLINE_S, env=env)


def until_answer(url: str, wanted: str) -> str:
    """Ask until the answer holds some words; return it."""
    deadline = time.monotonic() + DEADLINE_S
    text = ""
    content: bytes
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=DEADLINE_S) as answer:
            content = answer.read()
            text = content.decode()
            if wanted in text:
                return text
        time.sleep(0.1)  # between two questions to a program that tells no other way that it is up
    raise AssertionError(f"{url} did not say {wanted!r} in {DEADLINE_S:.0f} s, but: {text}")


@pytest.fixture(scope="module")
def bridge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bridge]:
    folder = tmp_path_factory.mktemp("bridge")
    (folder / "state").mkdir()
    found = Bridge(mqtt=free_port(), snmp=free_port(), web=free_port())
    config = folder / "apcbridge.yaml"
    config.touch(mode=0o600)
    config.write_text(
        f"""
bridge: {{id: rack-a, state_dir: {folder}/state}}
pdus:
  - {{id: pdu1, port: "sim://AP7920?firmware=3.7.3", password: apc, poll_interval: 2, session: hold,
     snmp: {{listen: "127.0.0.1:{found.snmp}"}}}}
mqtt: {{url: "embedded://127.0.0.1:{found.mqtt}"}}
snmp: {{communities: [{{name: monitor, access: read}}]}}
web: {{listen: "127.0.0.1:{found.web}"}}
""",
        encoding="utf-8",
    )
    log = folder / "log"
    command = [sys.executable, "-m", "apcbridge", "run", "-c", str(config)]
    with log.open("wb") as stream, subprocess.Popen(command, stderr=stream) as process:
        try:
            until_answer(f"http://127.0.0.1:{found.web}/metrics", "apcbridge_outlet_on")
            yield found
            assert process.poll() is None, log.read_text()
        finally:
            process.terminate()


def nagios_commands() -> dict[str, str]:
    text = (EXAMPLES / "nagios" / "apcbridge.cfg").read_text(encoding="utf-8")
    return dict(re.findall(r"command_name\s+(\S+)\n\s*command_line\s+(.+)", text))


def nagios_checks() -> list[str]:
    text = (EXAMPLES / "nagios" / "apcbridge.cfg").read_text(encoding="utf-8")
    return re.findall(r"check_command\s+(\S+)", text)


@pytest.mark.skipif(not (PLUGINS / "check_snmp").exists(), reason="monitoring-plugins-standard is not installed")
@pytest.mark.parametrize("check", nagios_checks())
def test_nagios_checks_run_and_judge(bridge: Bridge, check: str) -> None:
    name, *arguments = check.split("!")
    line = nagios_commands()[name].replace("/usr/local/lib/nagios/plugins", str(EXAMPLES / "nagios"))
    macros = {"HOSTADDRESS": "127.0.0.1", "_HOSTSNMP_PORT": str(bridge.snmp), "_HOSTSNMP_COMMUNITY": "monitor"}
    macros |= {f"ARG{place}": bridge.localise(value) for place, value in enumerate(arguments, start=1)}
    for macro, value in macros.items():
        line = line.replace(f"${macro}$", value)
    deadline = time.monotonic() + DEADLINE_S
    # MQTT follows the reading that the fixture waited for.
    while (done := run(*shlex.split(line))).returncode and time.monotonic() < deadline:
        time.sleep(0.2)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "OK" in done.stdout


@pytest.mark.skipif(not shutil.which("mosquitto_sub"), reason="mosquitto-clients is not installed")
def test_the_mqtt_plugin_is_not_ok_about_what_it_does_not_know(bridge: Bridge) -> None:
    plugin = str(EXAMPLES / "nagios" / "check_apcbridge_mqtt")
    common = (plugin, "-h", "127.0.0.1", "-p", str(bridge.mqtt))
    for words in (("-b", "rack-a", "-P", "other"), ("-b", "other", "-P", "pdu1"), ("-b", "rack-a")):
        done = run(*common, *words)
        assert done.returncode == 3, done.stdout
        assert done.stdout.startswith("UNKNOWN")


@pytest.mark.skipif(not shutil.which("nagios4"), reason="nagios4-core is not installed")
def test_nagios_accepts_the_objects(tmp_path: Path) -> None:
    user = pwd.getpwuid(os.getuid()).pw_name
    (tmp_path / "site.cfg").write_text(
        "define timeperiod {\n timeperiod_name 24x7\n alias always\n}\n"
        "define command {\n command_name tell\n command_line /bin/true\n}\n"
        "define contact {\n contact_name a\n host_notification_period 24x7\n service_notification_period 24x7\n"
        " host_notification_commands tell\n service_notification_commands tell\n}\n"
        "define contactgroup {\n contactgroup_name admins\n alias admins\n members a\n}\n",
        encoding="utf-8",
    )
    (tmp_path / "nagios.cfg").write_text(
        f"log_file={tmp_path}/log\ncfg_file={EXAMPLES}/nagios/apcbridge.cfg\ncfg_file={tmp_path}/site.cfg\n"
        f"object_cache_file={tmp_path}/objects\ncheck_result_path={tmp_path}\ntemp_path={tmp_path}\n"
        f"command_file={tmp_path}/command\nlock_file={tmp_path}/lock\nnagios_user={user}\nnagios_group={os.getgid()}\n",
        encoding="utf-8",
    )
    done = run("nagios4", "-v", str(tmp_path / "nagios.cfg"))
    assert re.search(r"Total Errors:\s+0", done.stdout), done.stdout
    assert re.search(r"Checked 4 services", done.stdout)


@pytest.mark.skipif(not shutil.which("promtool"), reason="prometheus is not installed")
def test_prometheus_accepts_the_configuration_and_the_alerts_fire() -> None:
    folder = EXAMPLES / "prometheus"
    for words in (("check", "config", "prometheus.yml"), ("test", "rules", "apcbridge.rules.test.yml")):
        done = subprocess.run(
            ["promtool", *words], cwd=folder, capture_output=True, text=True, check=False, timeout=DEADLINE_S
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(not shutil.which("prometheus-snmp-exporter"), reason="prometheus-snmp-exporter is not installed")
def test_snmp_exporter_reads_every_metric_of_the_module(bridge: Bridge, tmp_path: Path) -> None:
    module = tmp_path / "snmp.yml"
    module.write_text(bridge.localise((EXAMPLES / "prometheus" / "snmp.yml").read_text(encoding="utf-8")))
    port = free_port()
    command = ["prometheus-snmp-exporter", f"--config.file={module}", f"--web.listen-address=127.0.0.1:{port}"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as exporter:
        try:
            url = f"http://127.0.0.1:{port}/snmp?target=127.0.0.1:{bridge.snmp}&module=apcbridge"
            text = until_answer(url, "snmp_scrape_pdus_returned")
        finally:
            exporter.terminate()
    for metric in yaml.safe_load(module.read_text())["apcbridge"]["metrics"]:
        assert re.search(rf"^{metric['name']}[ {{]", text, re.MULTILINE), metric["name"]
    assert 'rPDUOutletStatusOutletState{name="Outlet 8",outlet="8"} 1' in text


@pytest.mark.skipif(not SNMP_UPS.exists(), reason="nut-snmp is not installed")
def test_nut_reads_the_pdu(bridge: Bridge, tmp_path: Path) -> None:
    (tmp_path / "ups.conf").write_text(bridge.localise((EXAMPLES / "nut" / "ups.conf").read_text(encoding="utf-8")))
    (tmp_path / "nut.conf").touch()
    user = pwd.getpwuid(os.getuid()).pw_name
    where = {"NUT_CONFPATH": str(tmp_path), "NUT_STATEPATH": str(tmp_path)}
    done = run(str(SNMP_UPS), "-a", "pdu1", "-d", "1", "-u", user, **where)
    assert "device.model: AP7920" in done.stdout, done.stderr
    assert "outlet.8.status: on" in done.stdout


def test_every_object_of_the_zabbix_template_is_answered(bridge: Bridge) -> None:
    text = (EXAMPLES / "zabbix" / "apcbridge.yaml").read_text(encoding="utf-8")
    oids = {
        found.replace("{#SNMPINDEX}", "1") for found in re.findall(r"snmp_oid: (1\.[\d.]+(?:\{#SNMPINDEX\})?)", text)
    }
    columns = set(re.findall(r",(1\.3\.6[\d.]+\d)", "".join(re.findall(r"snmp_oid: discovery.*", text))))
    assert len(oids) > 8
    assert columns
    for oid in oids | {f"{column}.1" for column in columns}:
        done = run("snmpget", "-v2c", "-c", "monitor", "-Oqv", f"127.0.0.1:{bridge.snmp}", oid)
        assert done.returncode == 0, done.stderr
        assert "No Such" not in done.stdout, oid


def test_the_zabbix_template_is_consistent() -> None:
    export = yaml.safe_load((EXAMPLES / "zabbix" / "apcbridge.yaml").read_text(encoding="utf-8"))["zabbix_export"]
    assert export["version"] == "6.0"
    for template in export["templates"]:
        maps = {mapping["name"] for mapping in template.get("valuemaps", [])}
        prototypes = [item for rule in template.get("discovery_rules", []) for item in rule["item_prototypes"]]
        items = template["items"] + prototypes
        keys = {item["key"] for item in items}
        assert {item["valuemap"]["name"] for item in items if "valuemap" in item} <= maps
        for item in items:
            for trigger in item.get("triggers", []) + item.get("trigger_prototypes", []):
                called = re.findall(rf"/{re.escape(template['name'])}/(.+?)(?:,[^\]\"]*)?\)", trigger["expression"])
                assert called, trigger["expression"]
                assert set(called) <= keys, trigger["expression"]


def test_zabbix_alarms_when_one_unknown_object_fails_all_that_it_asked_for() -> None:
    export = yaml.safe_load((EXAMPLES / "zabbix" / "apcbridge.yaml").read_text(encoding="utf-8"))["zabbix_export"]
    [item] = [
        one for template in export["templates"] for one in template["items"] if one["key"] == "apcbridge.freshness"
    ]
    [step] = item["preprocessing"]
    assert (step["type"], step["error_handler"]) == ("CHECK_NOT_SUPPORTED", "CUSTOM_VALUE")
    [trigger] = item["triggers"]
    assert trigger["expression"].endswith(")>1")
    assert int(step["error_handler_params"]) > 1


def test_zabbix_would_import_every_uuid_of_the_template() -> None:
    text = (EXAMPLES / "zabbix" / "apcbridge.yaml").read_text(encoding="utf-8")
    found = re.findall(r"\buuid: (\S+)", text)
    assert len(found) > 30
    assert len(set(found)) == len(found)
    for one in found:
        # Zabbix takes version 4 without hyphens, and refuses the whole file for any other.
        assert uuid.UUID(one).hex == one
        assert uuid.UUID(one).version == 4


def test_the_dashboard_asks_for_metrics_that_exist(bridge: Bridge) -> None:
    dashboard = json.loads((EXAMPLES / "grafana" / "apcbridge.json").read_text(encoding="utf-8"))
    asked = {
        name
        for panel in dashboard["panels"]
        for target in panel["targets"]
        for name in re.findall(r"apcbridge_\w+", target["expr"])
    }
    # A simulated PDU has no thresholds on this screen, and nobody has given a command.
    absent = {"apcbridge_load_limit_amperes", "apcbridge_commands_total"}
    there = set(re.findall(r"^(apcbridge_\w+)", bridge.metrics(), re.MULTILINE))
    assert asked - absent <= there
    assert len(asked) > 6
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])


def test_the_configuration_for_fencing_is_accepted(tmp_path: Path) -> None:
    text = (EXAMPLES / "pacemaker" / "stonith.md").read_text(encoding="utf-8")
    [block] = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    file = tmp_path / "apcbridge.yaml"
    file.write_text(block, encoding="utf-8")
    (tmp_path / "pdu1.password").touch(mode=0o600)
    (tmp_path / "pdu1.password").write_text("a password\n", encoding="utf-8")
    assert not examine(file).faults
