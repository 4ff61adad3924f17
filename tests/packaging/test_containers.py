"""The container and the Home Assistant app, as far as they can be judged without a container engine.

packaging/container/trial has the rest.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

import apcbridge
from apcbridge.config import examine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

PACKAGING = Path(__file__).resolve().parents[2] / "packaging"
APP = PACKAGING / "homeassistant"
BROKER = {"host": "core-mosquitto", "port": 1883, "ssl": False, "username": "addons", "password": "of the broker"}


@pytest.fixture(scope="module")
def app() -> ModuleType:
    loader = importlib.machinery.SourceFileLoader("apcbridge_app", str(APP / "run"))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def written(app: ModuleType, folder: Path, options: dict[str, Any]) -> Any:
    """Return the configuration that some options come to, as the bridge reads it."""
    file = folder / "apcbridge.yaml"
    file.touch(mode=0o600)
    file.write_text(yaml.safe_dump(app.configuration(options, BROKER, str(folder))), encoding="utf-8")
    report = examine(file)
    assert not report.faults
    return report.config


def example() -> dict[str, Any]:
    """Return the options that DOCS.md shows."""
    [text] = re.findall(r"```yaml\n(.*?)```", (APP / "DOCS.md").read_text(encoding="utf-8"), re.DOTALL)
    options: dict[str, Any] = yaml.safe_load(text)
    return options


def test_the_options_in_the_documentation_work(app: ModuleType, tmp_path: Path) -> None:
    config = written(app, tmp_path, example())
    [pdu] = config.pdus
    assert pdu.id == "pdu1"
    assert pdu.outlets[1].policy.value == "no-off"
    assert config.mqtt.url == "mqtt://core-mosquitto:1883"
    assert config.mqtt.homeassistant is not None
    assert pdu.snmp is None


def test_snmp_is_there_only_when_asked_for(app: ModuleType, tmp_path: Path) -> None:
    options = example() | {"snmp_community": "a word", "snmp_sources": ["192.0.2.0/24"]}
    config = written(app, tmp_path, options)
    assert str(config.pdus[0].snmp.listen).endswith(":1161")
    assert [community.access.value for community in config.snmp.communities] == ["read"]


def test_a_rule_for_a_pdu_that_is_not_there_is_not_swallowed(app: ModuleType) -> None:
    with pytest.raises(app.Unusable, match="pdu9"):
        app.configuration(example() | {"no_off": ["pdu9:1"]}, BROKER, "/state")


def leaves(schema: Any) -> Iterator[str]:
    """Give the types in a schema of options."""
    if isinstance(schema, str):
        yield schema
        return
    for one in schema.values() if isinstance(schema, dict) else schema:
        yield from leaves(one)


def fits(value: Any, schema: Any) -> bool:
    """Whether options are of their types, as the supervisor judges them before it starts the app."""
    if isinstance(schema, dict):
        kinds = {key: kind[0] if isinstance(kind, list) else kind for key, kind in schema.items()}
        needed = {key for key, kind in kinds.items() if not str(kind).endswith("?")}
        return needed <= value.keys() and all(fits(one, schema[key]) for key, one in value.items())
    if isinstance(schema, list):
        return isinstance(value, list) and all(fits(one, schema[0]) for one in value)
    kind, _, argument = schema.removesuffix("?").removesuffix(")").partition("(")
    patterns = {"match": argument, "list": f"^(?:{argument})$"}
    return isinstance(value, str) and re.match(patterns.get(kind, ""), value) is not None


def test_the_supervisor_takes_the_options() -> None:
    document = yaml.safe_load((APP / "config.yaml").read_text(encoding="utf-8"))
    assert {re.split(r"[(?]", kind)[0] for kind in leaves(document["schema"])} <= {"str", "password", "match", "list"}
    assert fits(document["options"], document["schema"])
    assert fits(example(), document["schema"])
    assert not fits(example() | {"no_off": ["pdu1"]}, document["schema"])
    assert all(re.fullmatch(r"mqtt:(provide|want|need)", service) for service in document["services"])
    assert document["ports"].keys() == document["ports_description"].keys()


def test_every_option_has_a_schema() -> None:
    document = yaml.safe_load((APP / "config.yaml").read_text(encoding="utf-8"))
    assert document["options"].keys() <= document["schema"].keys()
    assert document["options"]["pdus"][0].keys() <= document["schema"]["pdus"][0].keys()
    assert set(document["arch"]) == {"amd64", "aarch64"}
    assert example().keys() <= document["schema"].keys()


def test_versions_agree() -> None:
    document = yaml.safe_load((APP / "config.yaml").read_text(encoding="utf-8"))
    container = (PACKAGING / "container" / "Containerfile").read_text(encoding="utf-8")
    assert document["version"] == apcbridge.__version__
    assert f"ARG VERSION={apcbridge.__version__}\n" in container


def test_the_container_is_not_root_and_drops_what_it_does_not_need() -> None:
    container = (PACKAGING / "container" / "Containerfile").read_text(encoding="utf-8")
    [user] = re.findall(r"^USER (\d+)$", container, re.MULTILINE)
    assert f"--uid {user} " in container
    assert f"--gid {user} " in container
    compose = yaml.safe_load((PACKAGING / "container" / "compose.yaml").read_text(encoding="utf-8"))
    service = compose["services"]["apcbridge"]
    assert service["cap_drop"] == ["ALL"]
    assert service["read_only"] is True
    # One option of it or another is refused by podman, or by docker.
    assert "tmpfs" not in service
    assert f"-o {user} -g {user} " in (PACKAGING / "container" / "compose.yaml").read_text(encoding="utf-8")
    assert (PACKAGING.parent / service["build"]["dockerfile"]).is_file()
