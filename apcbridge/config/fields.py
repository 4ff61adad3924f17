"""The kinds of values that the configuration is made of: each checks its text and says what it expects."""

from __future__ import annotations

import ipaddress
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias, TypeVar

from pydantic import BeforeValidator, Field, PlainValidator, Strict, ValidationInfo, WithJsonSchema
from pydantic_core import PydanticCustomError

from apcbridge.config.addresses import Endpoint, check_broker_url, check_port, parse_endpoint
from apcbridge.config.secret import Secret, locate, read_secret

if TYPE_CHECKING:
    from collections.abc import Callable

BAUD_RATES = (1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200)
OUTLET_LIMIT = 128

T = TypeVar("T")
IPNetwork: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_ID = re.compile(r"[a-z0-9_-]{1,64}")
_OID = re.compile(r"1\.3(\.(0|[1-9][0-9]{0,9})){2,40}")
_TOPIC = re.compile(r"[^/#+$\x00-\x20][^#+\x00-\x20]{0,127}")


def _text(value: object) -> str:
    if value is None:
        raise PydanticCustomError("text", "is empty")
    if not isinstance(value, str):
        raise PydanticCustomError("text", "must be text; put it in quotes")
    if not value:
        raise PydanticCustomError("text", "is empty")
    if not value.isprintable():
        raise PydanticCustomError("text", "must be one line of printable characters")
    return value


def _word(value: object) -> object:
    """Let a number stand for the word that is written like it, such as the MQTT version 5."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _from_text(parse: Callable[[str], T]) -> PlainValidator:
    def check(value: object) -> T:
        if isinstance(value, int | float):
            parse(str(value))  # what would be wrong in quotes, too, is told first
        return parse(_text(value))

    return PlainValidator(check)


def _identifier(text: str) -> str:
    if not _ID.fullmatch(text):
        raise ValueError("may only hold a to z (lower case), 0 to 9, _ and -")
    return text


def _topic(text: str) -> str:
    if not _TOPIC.fullmatch(text) or text.endswith("/") or "//" in text:
        raise ValueError("must be an MQTT topic without wildcards (# +), blanks or a slash at either end")
    return text


def _network(text: str) -> IPNetwork:
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        if "host bits" in str(error):
            raise ValueError(f"has bits set behind the prefix: did you mean {_masked(text)}?") from None
        raise ValueError('must be a network such as "192.0.2.0/24" or an address') from None


def _masked(text: str) -> IPNetwork:
    return ipaddress.ip_network(text, strict=False)


def _oid(text: str) -> tuple[int, ...]:
    if not _OID.fullmatch(text):
        raise ValueError("must be an object identifier in numbers, as in 1.3.6.1.4.1.8072.9999.9999.7920")
    return tuple(int(part) for part in text.split("."))


def _target(text: str) -> Endpoint:
    endpoint = parse_endpoint(text)
    if not endpoint.port:
        raise ValueError("needs a port above 0")
    return endpoint


def _baud(value: object) -> object:
    if value == "auto" or (isinstance(value, int) and value in BAUD_RATES):
        return value
    raise ValueError(f"must be auto or one of {', '.join(map(str, BAUD_RATES))}")


def _directory_of(info: ValidationInfo) -> Path:
    """Tell what relative file names are relative to: the validation's context is the file's directory."""
    return info.context if isinstance(info.context, Path) else Path()


def _secret_file(value: object, info: ValidationInfo) -> Secret:
    return read_secret(locate(_text(value), _directory_of(info)))


def _readable_file(value: object, info: ValidationInfo) -> Path:
    path = locate(_text(value), _directory_of(info))
    try:
        if not path.is_file():
            raise ValueError(f"{path} is not there, or is not a regular file")
        with path.open("rb"):
            return path
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from error


def _directory(value: object, info: ValidationInfo) -> Path:
    path = (_directory_of(info) / _text(value)).absolute()
    try:
        is_directory = stat.S_ISDIR(path.stat().st_mode)
    except OSError:
        return path  # made at the start
    if not is_directory:
        raise ValueError(f"{path} is not a directory")
    return path


_STRING = WithJsonSchema({"type": "string"})
_SECRET = WithJsonSchema({"type": "string", "writeOnly": True})

Text: TypeAlias = Annotated[str, BeforeValidator(_text), Field(max_length=256)]
Identifier: TypeAlias = Annotated[
    str, _from_text(_identifier), WithJsonSchema({"type": "string", "pattern": f"^{_ID.pattern}$"})
]
Topic: TypeAlias = Annotated[str, _from_text(_topic), _STRING]
Port: TypeAlias = Annotated[str, _from_text(check_port), _STRING]
Listen: TypeAlias = Annotated[Endpoint, _from_text(parse_endpoint), _STRING]
Target: TypeAlias = Annotated[Endpoint, _from_text(_target), _STRING]
BrokerUrl: TypeAlias = Annotated[str, _from_text(check_broker_url), _STRING]
ObjectId: TypeAlias = Annotated[tuple[int, ...], _from_text(_oid), _STRING]
Network: TypeAlias = Annotated[IPNetwork, _from_text(_network), _STRING]
InlineSecret: TypeAlias = Annotated[Secret, _from_text(Secret), _SECRET]
SecretFile: TypeAlias = Annotated[Secret, PlainValidator(_secret_file), WithJsonSchema({"type": "string"})]
"""The name of a file in the configuration, the secret in it afterwards."""
ReadableFile: TypeAlias = Annotated[Path, PlainValidator(_readable_file), _STRING]
Directory: TypeAlias = Annotated[Path, PlainValidator(_directory), _STRING]
Baud: TypeAlias = Annotated[
    int | Literal["auto"], PlainValidator(_baud), WithJsonSchema({"enum": ["auto", *BAUD_RATES]})
]
OutletNumber: TypeAlias = Annotated[int, Strict(), Field(ge=1, le=OUTLET_LIMIT)]
Seconds: TypeAlias = Annotated[float, Strict(), Field(ge=0, le=86_400, allow_inf_nan=False)]
Word = BeforeValidator(_word)
"""For closed sets of words of which some look like numbers."""
