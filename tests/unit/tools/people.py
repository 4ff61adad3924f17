"""A person at the keyboard, played from a script."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Answer = str | bool | Callable[[], str | bool | Awaitable[None] | None]


class Player:
    """Answers questions by the first line of the script that fits, each line once; others take their default.

    A callable is called when its question comes (something happens at the rack then) and returns the answer.
    """

    def __init__(self, *script: tuple[str, Answer]) -> None:
        self._script = list(script)
        self.said: list[str] = []
        self.asked: list[str] = []
        self.secrets_asked = 0

    @property
    def page(self) -> str:
        """Everything that was told and asked."""
        return "\n".join(self.said)

    @property
    def left(self) -> list[str]:
        """Lines of the script that no question fitted."""
        return [pattern for pattern, _ in self._script]

    def say(self, text: str = "") -> None:
        self.said.append(text)

    async def ask(self, question: str, default: str = "") -> str:
        answer = await self._answer(question)
        assert not isinstance(answer, bool)
        return answer or default

    async def ask_secret(self, question: str) -> str:
        self.secrets_asked += 1
        answer = await self._answer(question)
        assert not isinstance(answer, bool)
        return answer or ""

    async def confirm(self, question: str, *, default: bool) -> bool:
        answer = await self._answer(question)
        assert not isinstance(answer, str)
        return default if answer is None else answer

    async def _answer(self, question: str) -> str | bool | None:
        self.asked.append(question)
        self.said.append(question)
        for line in self._script:
            if re.search(line[0], question):
                self._script.remove(line)
                if not callable(line[1]):
                    return line[1]
                answer = line[1]()
                if inspect.isawaitable(answer):
                    await answer
                    return None
                return answer
        return None
