"""The page and the policy it runs under."""

from __future__ import annotations

import base64
import hashlib
import re

from apcbridge.web.page import load_page, page_policy


def policy() -> dict[str, str]:
    text = dict(load_page().headers)["content-security-policy"]
    return dict(directive.split(" ", 1) for directive in text.split("; "))


def test_the_policy_admits_exactly_the_script_of_the_page() -> None:
    (script,) = re.findall(r"<script>(.*?)</script>", load_page().body.decode(), re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy()["script-src"] == f"'sha256-{digest}'"


def test_the_policy_admits_nothing_from_elsewhere() -> None:
    directives = policy()
    assert directives["default-src"] == "'none'"
    assert directives["connect-src"] == "'self'"
    assert "unsafe-inline" not in str(directives)


def test_another_script_is_another_policy() -> None:
    assert page_policy("<script>1</script><style></style>") != page_policy("<script>2</script><style></style>")


def test_the_page_fetches_nothing_from_elsewhere() -> None:
    text = load_page().body.decode()
    # The name space of the picture in the tab is a name, not an address.
    assert set(re.findall(r"https?://[^'\" ]+", text)) == {"http://www.w3.org/2000/svg"}
    assert not re.findall(r"""(?:src|href)=["'](?!data:)""", text)


def test_the_page_never_makes_markup_of_text() -> None:
    text = load_page().body.decode()
    for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", 'onclick="'):
        assert way not in text


def test_addresses_are_relative_so_that_a_proxy_may_put_the_page_anywhere() -> None:
    text = load_page().body.decode()
    assert 'EventSource("api/v1/stream")' in text
    assert '"/api' not in text
    assert "`/api" not in text
