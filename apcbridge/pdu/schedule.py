"""When to ask the console for what not every poll must read. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from apcbridge.model import Outlet

IDENTITY_EVERY_S = 12 * 3600.0
"""Identity and the delays of outlets: they change by hand."""
MENU_LOAD_EVERY_S = 30.0
"""On menus the loads cost four more screens; elsewhere they come with every poll."""
UNTOLD_AGAIN_S = 600.0
"""When to ask again for what was not told."""
UP_TIME_EVERY_S = 60.0

_AT_ONCE = float("-inf")


class Schedule:
    """What is due at one PDU. ``told`` says whether the console answered what it was asked."""

    def __init__(self) -> None:
        self._identity_due_mono = self._load_due_mono = self._configs_due_mono = _AT_ONCE
        self._config_due_mono: dict[int, float] = {}
        """When each outlet's delays are to be read again, where that is one page per outlet."""
        self._up_time_mono = _AT_ONCE

    def identity_due(self, now_mono: float) -> bool:
        """Tell whether to ask for the identity, with which the up time comes."""
        return now_mono >= self._identity_due_mono

    def identity_asked(self, now_mono: float, *, told: bool) -> None:
        """Note that it was asked for."""
        self._identity_due_mono = now_mono + (IDENTITY_EVERY_S if told else UNTOLD_AGAIN_S)
        self._up_time_mono = now_mono

    def up_time_due(self, now_mono: float, read_mono: float) -> bool:
        """Tell whether to ask for the up time alone, which was last read at ``read_mono``."""
        return now_mono - max(self._up_time_mono, read_mono) >= UP_TIME_EVERY_S

    def up_time_asked(self, now_mono: float) -> None:
        """Note that it was asked for."""
        self._up_time_mono = now_mono

    def load_due(self, now_mono: float) -> bool:
        """Tell whether to ask for the loads."""
        return now_mono >= self._load_due_mono

    def load_asked(self, now_mono: float, *, told: bool, cheap: bool) -> None:
        """Note that they were asked for; ``cheap`` where they cost next to nothing."""
        if not told:
            self._load_due_mono = now_mono + UNTOLD_AGAIN_S
        elif not cheap:
            self._load_due_mono = now_mono + MENU_LOAD_EVERY_S

    def configs_due(self, now_mono: float) -> bool:
        """Tell whether to ask for the delays of outlets."""
        return now_mono >= self._configs_due_mono

    def configs_asked(self, now_mono: float, *, told: bool) -> None:
        """Note that those of all outlets were asked for."""
        self._configs_due_mono = now_mono + (IDENTITY_EVERY_S if told else UNTOLD_AGAIN_S)

    def next_config(self, outlets: Iterable[Outlet], now_mono: float) -> Outlet | None:
        """Return the first outlet whose own delays are due, or None."""
        return next((one for one in outlets if now_mono >= self._config_due_mono.get(one.number, now_mono)), None)

    def config_asked(self, outlet: int, now_mono: float, *, told: bool) -> None:
        """Note that those of one outlet were asked for; where one is not told, the others must wait, too."""
        if told:
            self._config_due_mono[outlet] = now_mono + IDENTITY_EVERY_S
        else:
            self._configs_due_mono = now_mono + UNTOLD_AGAIN_S
