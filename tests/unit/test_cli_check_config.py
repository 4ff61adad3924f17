"""The command line: its exit codes, what check-config prints, and that --help costs nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from apcbridge import cli

if TYPE_CHECKING:
    from pathlib import Path

GOOD = """\
pdus:
  - {id: pdu1, port: /dev/ttyS0, password: apc, snmp: {listen: "127.0.0.1:1161"}}
  - {id: pdu2, port: /dev/ttyS1, password: apc}
mqtt: {url: "mqtt://broker"}
snmp: {communities: [{name: abc}]}
"""
BAD = """\
pdus:
  - id: pdu1
    prot: /dev/ttyS0
    password: hunter2
mqtt: {url: broker}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "apcbridge.yaml"


def test_a_good_file_is_summed_up(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(GOOD, encoding="utf-8")
    assert cli.main(["check-config", "-c", str(file)]) == 0
    assert capsys.readouterr().out == f"{file}: good: 2 PDUs (pdu1, pdu2), MQTT mqtt://broker, SNMP on 127.0.0.1:1161\n"


def test_a_bad_file_is_refused_with_its_lines_shown(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(BAD, encoding="utf-8")
    assert cli.main(["check-config", "-c", str(file)]) == 78
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith(f"{file}:2:5: pdus[0].port: is missing: ")
    assert lines[3] == f"{file}:3:5: pdus[0].prot: unknown key; did you mean port?"
    assert lines[4:6] == ["        prot: **********", "        ^"]
    assert (
        lines[6]
        == f"{file}:5:13: mqtt.url: the scheme must be one of mqtt, mqtts, ws, wss, embedded, as in mqtt://127.0.0.1:1883"
    )
    assert lines[7:9] == ["    mqtt: {url: broker}", "                ^"]
    assert lines[9] == f"{file}: 3 faults; nothing was started"


def test_a_program_can_read_the_result(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(BAD, encoding="utf-8")
    assert cli.main(["check-config", "--json", "-c", str(file)]) == 78
    result = json.loads(capsys.readouterr().out)
    assert (result["file"], result["good"]) == (str(file), False)
    assert [(f["line"], f["column"], f["key"]) for f in result["faults"]] == [
        (2, 5, "pdus[0].port"),
        (3, 5, "pdus[0].prot"),
        (5, 13, "mqtt.url"),
    ]
    file.write_text(GOOD, encoding="utf-8")
    assert cli.main(["check-config", "--json", "-c", str(file)]) == 0
    assert json.loads(capsys.readouterr().out) == {"file": str(file), "good": True, "faults": []}


def test_a_missing_file_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check-config", "-c", str(tmp_path / "none.yaml")]) == 78
    assert "name another file with -c" in capsys.readouterr().err


def test_the_schema_is_printed_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    assert schema["additionalProperties"] is False
    assert set(schema["properties"]) == {"bridge", "pdus", "mqtt", "snmp", "web"}


@pytest.mark.parametrize("arguments", [[], ["no-such-command"], ["check-config", "--no-such-option"]])
def test_wrong_usage_is_exit_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    assert caught.value.code == 2
    assert "usage: apcbridge" in capsys.readouterr().err


def test_a_reader_that_has_enough_is_no_error_to_speak_of() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "apcbridge", "schema"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert (process.stderr.read(), process.wait()) == ("", 1)


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from apcbridge import cli\n"
        "try:\n"
        "    cli.main(['--help'])\n"
        "except SystemExit:\n"
        "    pass\n"
        "heavy = {'pydantic', 'yaml', 'paho', 'pysnmp', 'amqtt', 'serial', 'uvloop'} & set(sys.modules)\n"
        "sys.exit(', '.join(sorted(heavy)) or 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
