"""The status page: one file, and the policy under which a browser runs it and nothing else."""

from __future__ import annotations

import base64
import hashlib
import re
from importlib import resources

from apcbridge.web.messages import Response

_INLINE = re.compile(r"<(script|style)>(.*?)</\1>", re.DOTALL)


def load_page() -> Response:
    """Read the page from the package and allow exactly the script and the style that it carries."""
    text = resources.files("apcbridge.web").joinpath("page.html").read_text(encoding="utf-8")
    return Response(
        body=text.encode(),
        content_type="text/html; charset=utf-8",
        headers=(("content-security-policy", page_policy(text)),),
    )


def page_policy(text: str) -> str:
    """Return the Content-Security-Policy of a page: its own inline parts by their hashes, its own server, no more."""
    hashes: dict[str, list[str]] = {"script": [], "style": []}
    for kind, content in _INLINE.findall(text):
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        hashes[kind].append(f"'sha256-{digest}'")
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src {' '.join(hashes['script'])}",
            f"style-src {' '.join(hashes['style'])}",
            "connect-src 'self'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
            # Home Assistant shows pages of its apps in a frame of its own site.
            "frame-ancestors 'self'",
        ]
    )
