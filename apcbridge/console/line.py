"""The line to the console: types one step of a dialog, waits for the prompt that answers it, turns pages on the way."""

from __future__ import annotations

import contextlib
import math
import re
from typing import TYPE_CHECKING

from apcbridge.console.dialog import LoginPromptSeen, Memory, NothingHeard, Reply, Send
from apcbridge.console.scanner import OTHER_PAGER, PAGER, Prompt, Scanner
from apcbridge.console.screens import summary
from apcbridge.errors import ConsoleError, GoalTimeout, ScreenUnrecognised

if TYPE_CHECKING:
    from collections.abc import Callable

QUIET_S = 0.2
"""A prompt that could be the start of something longer counts after so long a pause (all tools wait so)."""
ECHO_S = 0.4
"""How long the echo of a typed text is waited for, where it is not known whether this console echoes."""
KEY_ECHO_S = 2.0
"""The same, where it is known to echo but not whether it does so before the ENTER."""
PAGER_REPEAT_S = 2.0
PAGER_REPEAT_MOST_S = 7.0
"""Bounds of the patience with an answered pager, before the answer is taken for lost and given once more. The second
ENTER may then refresh the screen that follows, so that one is waited out, too."""
PAGER_PAUSE_S = 0.5
"""Some units lose an ENTER that comes too soon after the pager's text (bz1342584)."""
SILENCE_STRETCH = 3
"""Where silence is an answer, chatter may put it off so many times: some units print lines unasked."""
MAX_PAGES = 20
IDLE_TAIL = 512

LOGIN_PROMPTS = frozenset({Prompt.USER, Prompt.PASSWORD, Prompt.NEW_PASSWORD})
_PAGER_TEXT = re.compile(rf"[ \r\n]*(?:{PAGER}|{OTHER_PAGER})\s*\Z", re.IGNORECASE)

Answer = Reply | ConsoleError
"""How a step ends."""


class Line:
    """Holds the bytes to be sent and the step that is being answered, if one is.

    ``on_enter`` is called with each step just before its ENTER goes into the send buffer.
    """

    def __init__(self, memory: Memory, silence_s: float, on_enter: Callable[[Send], None]) -> None:
        self._memory = memory
        self._silence_s = silence_s
        self._on_enter = on_enter
        self._scanner = Scanner()
        self._out = bytearray()
        self._wait: _Wait | None = None

    def take_output(self) -> bytes:
        """Return and forget what is to be sent."""
        data = bytes(self._out)
        self._out.clear()
        return data

    def clear(self) -> None:
        """Forget what is to be sent and what is being waited for, but not what the console has printed."""
        self._out.clear()
        self._wait = None

    def forget(self) -> None:
        """Forget everything: the line is another one now."""
        self.clear()
        self._scanner = Scanner()

    def begin(self, step: Send, now: float) -> Answer | None:
        """Type a step; return its answer at once if a login prompt printed since the last makes it needless."""
        prompt = self._scanner.prompt(quiet=False)
        if prompt in LOGIN_PROMPTS and not step.login:
            return LoginPromptSeen("the console asked for a login between two steps", prompt)
        if prompt in LOGIN_PROMPTS and step.enter and not step.text:
            return Reply(pages=(self._scanner.take(),), prompt=prompt, at=now)
        self._scanner.clear()
        wait = self._wait = _Wait(step, now, self._silence_s)
        self._out += step.text.encode("latin-1", "replace")
        patience_s = self._echo_patience_s() if step.enter and step.echo_first else 0.0
        if patience_s:
            wait.echo_until = now + patience_s
        else:
            self._press_enter(wait)
        return None

    def hear(self, data: bytes, now: float) -> Answer | None:
        """Take bytes; return the answer to the step once it is there."""
        try:
            self._scanner.feed(data)
        except ScreenUnrecognised as error:
            return error
        wait = self._wait
        if wait is None:
            return None
        wait.heard(now)
        if wait.echo_until is not None:
            return self._compare_echo(wait)
        return self._look_for_prompt(wait, now, quiet=False)

    def overhear(self, data: bytes) -> Prompt:
        """Take bytes that nobody asked for; return the prompt at their end."""
        with contextlib.suppress(ScreenUnrecognised):
            self._scanner.feed(data[-IDLE_TAIL:])
        prompt = self._scanner.prompt(quiet=False)
        if len(self._scanner) > IDLE_TAIL:
            self._scanner.clear()
        return prompt

    def deadline(self) -> float | None:
        """Tell when :meth:`time_passed` may have something to do."""
        wait = self._wait
        if wait is None:
            return None
        if wait.echo_until is not None:
            return wait.echo_until
        if wait.turn_at is not None:
            return wait.turn_at
        moments = [wait.silence_at, wait.quiet_at, wait.repeat_at if self._scanner.blank else None]
        return min(moment for moment in moments if moment is not None)

    def time_passed(self, now: float) -> Answer | None:
        """Do what is due; return the answer to the step if that ends it."""
        wait = self._wait
        if wait is None:
            return None
        if wait.echo_until is not None:
            return self._no_echo(wait, now) if now >= wait.echo_until else None
        if wait.turn_at is not None:
            if now >= wait.turn_at:
                self._press_pager(wait, now)
            return None
        if wait.repeat_at is not None and now >= wait.repeat_at and self._scanner.blank:
            self._press_pager_again(wait, now)
            return None
        if now >= wait.silence_at:
            return self._silence(wait, now)
        if wait.quiet_at is not None and now >= wait.quiet_at:
            wait.quiet_at = None
            return self._look_for_prompt(wait, now, quiet=True)
        return None

    # --- the echo ---

    def _echo_patience_s(self) -> float:
        """Tell how long to wait for the echo of keys before ENTER follows them; 0 where there is none."""
        memory = self._memory
        if memory.echoes_keys:
            return self._silence_s
        if memory.echoes is False:
            return 0.0
        return memory.patience_s(KEY_ECHO_S) if self._echo_untried() else ECHO_S

    def _echo_untried(self) -> bool:
        """Tell whether the console is known to echo, but not whether it does so before the ENTER."""
        return self._memory.echoes is True and self._memory.echoes_keys is None

    def _press_enter(self, wait: _Wait) -> None:
        wait.echo_until = None
        self._on_enter(wait.step)
        if wait.step.enter:
            self._out += b"\r"

    def _compare_echo(self, wait: _Wait) -> Answer | None:
        echo, text = self._scanner.text.lstrip(), wait.step.text
        if echo == text:
            self._memory.echoes = self._memory.echoes_keys = True
            self._press_enter(wait)
        elif not text.startswith(echo):
            return ScreenUnrecognised(f"typed {text!r}, the echo was {echo[:20]!r}")
        return None

    def _no_echo(self, wait: _Wait, now: float) -> Answer | None:
        """Go on without an echo where none need come; the answer will tell. Nothing is switched upon a guess."""
        memory = self._memory
        must = memory.echoes_keys or (wait.step.actuates and self._echo_untried())
        if must or not self._scanner.blank:
            kind = NothingHeard if self._scanner.blank else GoalTimeout
            return kind(f"typed {wait.step.text!r}, the echo did not come")
        memory.echoes = memory.echoes or False
        wait.unechoed = True
        wait.restart(now)
        self._press_enter(wait)
        return None

    def _without_echo(self, step: Send, text: str) -> str | None:
        """Take the echo off, or return None if there is none; learn whether this console echoes."""
        if step.secret or not step.enter or not step.text:
            return None
        echoed = text.lstrip()
        if echoed.startswith(step.text) and echoed[len(step.text) : len(step.text) + 1] in ("\r", "\n"):
            self._memory.echoes = True
            return echoed[len(step.text) :]
        if self._memory.echoes is None:
            self._memory.echoes = False
        return None

    # --- the pager ---

    def _turn_page(self, wait: _Wait, now: float) -> Answer | None:
        """Press ENTER at a pager: at once, unless this console is known to lose it then."""
        self._learn_pace(wait, now)
        wait.pages.append(_PAGER_TEXT.sub("\r\n", self._scanner.take()))
        if len(wait.pages) > MAX_PAGES:
            return ScreenUnrecognised(f"more than {MAX_PAGES} pages")
        wait.turn_at = now + self._memory.pager_pause_s
        wait.repeat_at = None
        if self._memory.pager_pause_s == 0:
            self._press_pager(wait, now)
        return None

    def _press_pager(self, wait: _Wait, now: float) -> None:
        wait.turn_at = None
        wait.pressed_at = now
        wait.repeat_at = now + min(max(PAGER_REPEAT_S, 2 * self._memory.slowest_s), PAGER_REPEAT_MOST_S)
        self._out += b"\r"

    def _press_pager_again(self, wait: _Wait, now: float) -> None:
        self._memory.pager_pause_s = PAGER_PAUSE_S
        wait.settle_s = PAGER_PAUSE_S + now - wait.pressed_at
        self._press_pager(wait, now)
        wait.repeat_at = None

    def _learn_pace(self, wait: _Wait, now: float) -> None:
        self._memory.slowest_s = max(self._memory.slowest_s, now - wait.pressed_at)

    # --- the answer ---

    def _look_for_prompt(self, wait: _Wait, now: float, *, quiet: bool) -> Answer | None:
        prompt = self._scanner.prompt(quiet=quiet)
        if prompt is Prompt.NONE and quiet:
            asked = wait.step.wants_input and self._scanner.input_prompt()
            prompt = Prompt.INPUT if asked else self._scanner.buried_prompt()
        if prompt is Prompt.PAGER:
            return self._turn_page(wait, now)
        if prompt is Prompt.NONE or not wait.settled(now):
            return None
        self._learn_pace(wait, now)
        return self._reply(wait, prompt, now)

    def _silence(self, wait: _Wait, now: float) -> Answer:
        if wait.step.silence_s is not None:
            return self._reply(wait, Prompt.NONE, now)
        shown = not (self._scanner.blank or wait.step.secret)
        seen = f"; the last that came was {summary(self._scanner.text)}" if shown else ""
        kind = NothingHeard if self._scanner.blank else GoalTimeout
        return kind(f"silence where an answer was due{seen}")

    def _reply(self, wait: _Wait, prompt: Prompt, now: float) -> Answer:
        self._wait = None
        pages = [*wait.pages, self._scanner.take()]
        if (prompt in LOGIN_PROMPTS or prompt is Prompt.BYE) and not wait.step.login:
            return LoginPromptSeen(f"the console left in the middle of a dialog ({prompt} prompt)", prompt)
        rest = self._without_echo(wait.step, pages[0])
        if wait.unechoed and rest is not None:
            self._memory.echoes_keys = False
        pages[0] = pages[0] if rest is None else rest
        return Reply(pages=tuple(pages), prompt=prompt, at=now, echoed=rest is not None)


class _Wait:
    """The step that is being answered, and when which patience with it ends."""

    def __init__(self, step: Send, now: float, silence_s: float) -> None:
        self.step = step
        self.pages: list[str] = []
        self.settle_s = step.settle_s
        self.echo_until: float | None = None
        self.unechoed = False
        """ENTER was sent before any echo had come."""
        self.turn_at: float | None = None
        """When the pager is to be answered."""
        self.repeat_at: float | None = None
        """When the pager's answer is given up for lost."""
        self.quiet_at: float | None = None
        self.pressed_at = now
        """When the last key was sent."""
        self._silence_s = step.silence_s if step.silence_s is not None else silence_s
        self._heard_at = now
        self.silence_at = now + self._silence_s
        self._silence_by = now + SILENCE_STRETCH * self._silence_s if step.silence_s is not None else math.inf

    def restart(self, now: float) -> None:
        """Begin to wait anew."""
        self.silence_at = now + self._silence_s

    def heard(self, now: float) -> None:
        """Note that something has come."""
        self._heard_at = now
        self.silence_at = min(now + self._silence_s, self._silence_by)
        self.quiet_at = now + max(QUIET_S, self.settle_s)

    def settled(self, now: float) -> bool:
        """Tell whether the pause asked for has passed since the last byte."""
        return now >= self._heard_at + self.settle_s
