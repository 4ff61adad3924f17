"""Which path is which resource, and what may be done to it. Pure."""

from __future__ import annotations

from enum import Enum
from http import HTTPStatus

from apcbridge.web.messages import Request, RequestRefused


class Resource(Enum):
    """Everything that can be asked for; ``*`` in a path stands for one segment of the asker's."""

    PAGE = ("",)
    HEALTH = ("healthz",)
    METRICS = ("metrics",)
    PDUS = ("api", "v1", "pdus")
    PDU = ("api", "v1", "pdus", "*")
    OUTLET = ("api", "v1", "pdus", "*", "outlets", "*")
    COMMAND = ("api", "v1", "pdus", "*", "commands", "*")
    EVENTS = ("api", "v1", "events")
    STREAM = ("api", "v1", "stream")

    def match(self, path: tuple[str, ...]) -> tuple[str, ...] | None:
        """Return the asker's segments if the path is this resource's, else None."""
        if len(path) != len(self.value) or any(
            own not in ("*", seg) for own, seg in zip(self.value, path, strict=True)
        ):
            return None
        return tuple(segment for own, segment in zip(self.value, path, strict=True) if own == "*")

    @property
    def methods(self) -> tuple[str, ...]:
        """What it answers to."""
        return ("GET", "HEAD", "POST") if self is Resource.OUTLET else ("GET", "HEAD")


def find(request: Request) -> tuple[Resource, tuple[str, ...]]:
    """Return what is asked for; raise RequestRefused if there is no such thing or it does not take the method."""
    for resource in Resource:
        segments = resource.match(request.path)
        if segments is None:
            continue
        if request.method not in resource.methods:
            allowed = ", ".join(resource.methods)
            raise RequestRefused(
                HTTPStatus.METHOD_NOT_ALLOWED, "method", f"this answers to {allowed}", headers=(("allow", allowed),)
            )
        return resource, segments
    raise RequestRefused(HTTPStatus.NOT_FOUND, "unknown_path", "there is nothing here; see /api/v1/pdus")
