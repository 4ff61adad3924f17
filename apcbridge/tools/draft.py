"""The first configuration file, as text with comments. Pure."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9_./:-]*[A-Za-z0-9_/]")
_WORDS = frozenset({"null", "true", "false", "yes", "no", "on", "off"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PduDraft:
    """One PDU that was found."""

    id: str
    port: str
    baud: int
    username: str
    password_file: str
    """As it stands in the configuration: relative to its directory, or a full path."""
    found: str = ""
    """What the console told of itself, for a comment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerDraft:
    """The MQTT broker."""

    url: str
    username: str = ""
    password_file: str = ""
    homeassistant: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class SnmpDraft:
    """SNMP agents on the loopback, one port per PDU from ``first_port`` on."""

    read_community: str
    write_community: str
    first_port: int = 1161


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """Everything that goes into the file."""

    pdus: tuple[PduDraft, ...]
    state_dir: str
    schema: str = ""
    """A file with the JSON schema, for editors."""
    broker: BrokerDraft | None = None
    snmp: SnmpDraft | None = None


def configuration(draft: Draft) -> str:
    """Return the text of the file."""
    return "\n".join([*_head(draft), *_pdus(draft), *_broker(draft.broker), *_snmp(draft.snmp)]) + "\n"


def _head(draft: Draft) -> Iterator[str]:
    if draft.schema:
        yield f"# yaml-language-server: $schema={draft.schema}"
    yield "# apcbridge configuration, written by apcbridge init. Every key: docs/configuration.md"
    yield "# Check it after every change:  apcbridge check-config -c FILE"
    yield "# File names are relative to this file. What is not configured is off."
    yield ""
    yield "bridge:"
    yield "  # What must survive a restart is kept here: journal, history of reboots."
    yield f"  state_dir: {scalar(draft.state_dir)}"
    yield ""


def _pdus(draft: Draft) -> Iterator[str]:
    yield "pdus:"
    for index, pdu in enumerate(draft.pdus):
        if pdu.found:
            yield f"  # {comment(pdu.found)}"
        yield f"  - id: {scalar(pdu.id)}"
        yield f"    port: {scalar(pdu.port)}"
        yield f"    baud: {pdu.baud}"
        yield f"    username: {scalar(pdu.username)}"
        yield f"    password_file: {scalar(pdu.password_file)}"
        yield "    # Seconds between readings."
        yield "    poll_interval: 10"
        yield "    # release: log out between readings, so that the PDU's web page stays usable; hold: stay logged in."
        yield "    session: release"
        yield "    # Rules per outlet: normal, no-off (nothing that takes power away) or read-only."
        yield "    #outlets:"
        yield "    #  1: {name: core switch, policy: read-only}"
        if draft.snmp is not None:
            yield "    # This PDU's own SNMP agent, as if it were its network card."
            yield f"    snmp: {{listen: {json.dumps(f'127.0.0.1:{draft.snmp.first_port + index}')}}}"
        yield ""


def _broker(broker: BrokerDraft | None) -> Iterator[str]:
    if broker is None:
        yield "# No MQTT. To add it:"
        yield "#mqtt:"
        yield "#  url: mqtt://127.0.0.1:1883"
        yield ""
        return
    yield "mqtt:"
    yield f"  url: {scalar(broker.url)}"
    if broker.username:
        yield f"  username: {scalar(broker.username)}"
    if broker.password_file:
        yield f"  password_file: {scalar(broker.password_file)}"
    yield "  # Whether apcbridge/PDU/outlet/all/set may switch every outlet of a PDU at once."
    yield "  allow_bulk: false"
    if broker.homeassistant:
        yield "  homeassistant:"
        yield "    # device (Home Assistant 2024.11 and later), component or off"
        yield "    discovery: device"
    yield ""


def _snmp(snmp: SnmpDraft | None) -> Iterator[str]:
    if snmp is None:
        yield "# No SNMP. To add it, give each PDU an snmp: {listen: ...} of its own, and say who may ask:"
        yield "#snmp:"
        yield "#  communities:"
        yield "#    - {name: a word of your own, access: read, sources: [127.0.0.0/8]}"
        return
    yield "snmp:"
    yield "  # Who may ask, with which community, from where. These words were drawn at random."
    yield "  communities:"
    yield f"    - {{name: {scalar(snmp.read_community)}, access: read, sources: [127.0.0.0/8]}}"
    yield f"    - {{name: {scalar(snmp.write_community)}, access: write, sources: [127.0.0.1/32]}}"


def scalar(text: str) -> str:
    """Write a text so that YAML reads exactly that text again."""
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    return json.dumps(text, ensure_ascii=False)


def comment(text: str) -> str:
    """Make a text fit for a comment: whatever a console printed, it stays on its line."""
    return "".join(c if c.isprintable() else "?" for c in text)
