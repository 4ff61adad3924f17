"""Who may ask what. Pure.

Whoever reaches a listener may read. Switching over TCP needs ``control`` and the token; at the local socket the file's
mode has decided already. Browsers are the reason for the rest: a page of somebody else's must neither read through
this machine's loopback (the name in ``Host`` is checked against DNS rebinding) nor write across sites (``Origin``,
``Sec-Fetch-Site`` and a content type that no form can send).
"""

from __future__ import annotations

import hmac
import re
from http import HTTPStatus
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from apcbridge.web.messages import JSON_TYPE, Door, Peer, Request, RequestRefused

if TYPE_CHECKING:
    from apcbridge.web.settings import WebSettings

_HOST = re.compile(r"(?:\[([0-9a-fA-F:.]+)\]|([^\[\]:]+))(?::[0-9]*)?")
_CHALLENGE = (("www-authenticate", 'Bearer realm="apcbridge"'),)
_OWN_SITE = frozenset({"same-origin", "none"})
"""What a browser says of requests made by our own page and by the person at the address bar."""


def check_read(request: Request, peer: Peer, settings: WebSettings) -> None:
    """Raise RequestRefused if the request asks this machine under a name that is not its own."""
    if peer.door is not Door.LOOPBACK:
        return
    name = _host_name(request.header("host") or "")
    if not _is_loopback(name) and name not in {host.lower() for host in settings.hosts}:
        raise RequestRefused(
            HTTPStatus.MISDIRECTED_REQUEST,
            "host",
            "this address answers to localhost only; ask for it by that name or by its address",
        )


def check_write(request: Request, peer: Peer, settings: WebSettings) -> None:
    """Raise RequestRefused unless the peer may switch and the request was meant for us."""
    if peer.door is not Door.LOCAL:
        if not may_switch(peer, settings):
            raise RequestRefused(HTTPStatus.FORBIDDEN, "control_off", "switching over HTTP is not enabled here")
        _check_site(request)
        _check_token(request, settings.token or "")
    media_type = (request.header("content-type") or "").partition(";")[0].strip().lower()
    if media_type != JSON_TYPE:
        raise RequestRefused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "content_type", f"the body must be {JSON_TYPE}")


def may_switch(peer: Peer, settings: WebSettings) -> bool:
    """Tell whether the door is open to switching at all; over TCP the token must be shown as well."""
    return peer.door is Door.LOCAL or (settings.control and bool(settings.token))


def principal(peer: Peer) -> str:
    """Name who asked, for the journal."""
    return peer.name if peer.door is Door.LOCAL else f"token@{peer.name}"


def _check_site(request: Request) -> None:
    origin = request.header("origin")
    site = request.header("sec-fetch-site")
    ours = origin is None or _authority(origin) == (request.header("host") or "").lower()
    if not ours or (site is not None and site not in _OWN_SITE):
        raise RequestRefused(HTTPStatus.FORBIDDEN, "cross_site", "the request came from another site's page")


def _check_token(request: Request, token: str) -> None:
    scheme, _, given = (request.header("authorization") or "").partition(" ")
    if scheme.lower() != "bearer":
        raise RequestRefused(
            HTTPStatus.UNAUTHORIZED, "token_missing", "send the header Authorization: Bearer TOKEN", headers=_CHALLENGE
        )
    # Headers are read as Latin-1, byte for byte; the token's file is UTF-8.
    if not hmac.compare_digest(given.strip().encode("latin-1", "replace"), token.encode()):
        raise RequestRefused(HTTPStatus.UNAUTHORIZED, "token_wrong", "that is not the token", headers=_CHALLENGE)


def _authority(origin: str) -> str:
    try:
        parts = urlsplit(origin)
    except ValueError:
        return ""
    return parts.netloc.lower() if parts.scheme in {"http", "https"} else ""


def _host_name(host: str) -> str:
    """Take the port off: ``[::1]:80`` is ``::1``, ``Localhost.:80`` is ``localhost``; empty if it is no name."""
    name = _HOST.fullmatch(host)
    return (name[1] or name[2].rstrip(".")).lower() if name else ""


def _is_loopback(name: str) -> bool:
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"
