"""The dialogs that set a password, played by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import pytest

from apcbridge.console.dialog import Memory, Reply, Send
from apcbridge.console.scanner import Prompt
from apcbridge.errors import CommandRejected
from apcbridge.tools.passwords import NoSuchScreen, Unit, answer_forced, complaint, set_on_menus, set_on_shell

if TYPE_CHECKING:
    from apcbridge.console.dialog import Dialog

NEW = "n3w-secret"
Result = TypeVar("Result")
CURRENT, FRESH, AGAIN = "Enter current password: ", "Enter new password: ", "Confirm new password: "


def play(dialog: Dialog[Result], *answers: tuple[str, Prompt]) -> list[Send]:
    """Answer each step in turn; return what was typed. The dialog must end with the last answer."""
    steps: list[Send] = []
    reply: Reply | None = None
    for text, prompt in answers:
        step = next(dialog) if reply is None else dialog.send(reply)
        assert isinstance(step, Send)
        steps.append(step)
        reply = Reply(pages=(text,), prompt=prompt, at=0.0)
    assert reply is not None
    with pytest.raises(StopIteration):
        dialog.send(reply)
    return steps


def menu(title: str, *items: str) -> tuple[str, Prompt]:
    lines = [f"     {number}- {item}" for number, item in enumerate(items, 1)]
    text = "\r\n".join(
        ["", f"------- {title} ".ljust(79, "-"), "", *lines, "", "     <ESC>- Back, <ENTER>- Refresh", "> "]
    )
    return text, Prompt.MENU


MAIN = menu("Control Console", "Device Manager", "Network", "System", "Logout")
SYSTEM = menu("System", "Date/Time", "User Manager")
MANAGER = menu("User Manager", "Device User", "Administrator")
ACCOUNT = menu("Administrator", "User Name      : apc", "Password       : ***", "Accept Changes :")


@pytest.mark.parametrize("question", ["        Password : ", "        Enter New Password : "])
def test_menus_are_walked_by_their_labels(question: str) -> None:
    steps = play(
        set_on_menus(Memory(), NEW), MAIN, SYSTEM, MANAGER, ACCOUNT, (question, Prompt.INPUT), ACCOUNT, ACCOUNT
    )
    assert [step.text for step in steps] == ["", "3", "2", "2", "2", NEW, "3"]
    assert [step.secret for step in steps] == [False] * 5 + [True, False]


def test_a_console_that_asks_twice_is_told_twice() -> None:
    asked = ("        Password : ", Prompt.PASSWORD), ("        Confirm Password : ", Prompt.INPUT)
    steps = play(set_on_menus(Memory(), NEW), MAIN, SYSTEM, MANAGER, ACCOUNT, *asked, ACCOUNT, ACCOUNT)
    assert [step.text for step in steps][-3:] == [NEW, NEW, "3"]


@pytest.mark.parametrize("stop", [1, 2, 3])
def test_a_missing_label_is_told(stop: int) -> None:
    screens = [MAIN, SYSTEM, MANAGER]
    screens[stop - 1] = menu("Control Console" if stop == 1 else "Other", "Device Manager", "Logout")
    with pytest.raises(NoSuchScreen):
        play(set_on_menus(Memory(), NEW), *screens[:stop], MAIN)


def test_the_command_of_aos_6() -> None:
    line = f"user -n apc -cp apc -pw {NEW}"
    (step,) = play(set_on_shell(Memory(), NEW), (f"{line}\r\nE000: Success\r\n\r\napc>", Prompt.SHELL))
    assert step.text == line
    assert step.secret


def test_a_refused_command_is_told_without_the_password() -> None:
    dialog = set_on_shell(Memory(), NEW)
    next(dialog)
    text = f"user -n apc -cp apc -pw {NEW}\r\nE102: Parameter Error\r\n\r\napc>"
    with pytest.raises(CommandRejected, match="E102") as told:
        dialog.send(Reply(pages=(text,), prompt=Prompt.SHELL, at=0.0))
    assert NEW not in str(told.value)


@pytest.mark.parametrize(
    ("questions", "typed"), [([CURRENT, FRESH, AGAIN], ["apc", NEW, NEW]), ([FRESH, AGAIN], [NEW, NEW])]
)
def test_a_forced_change_is_answered_by_its_words(questions: list[str], typed: list[str]) -> None:
    first, *others = questions
    answers = [*((question, Prompt.NEW_PASSWORD) for question in others), ("banner\r\napc>", Prompt.SHELL)]
    steps = play(answer_forced(first, NEW), *answers)
    assert [step.text for step in steps] == typed
    assert all(step.secret for step in steps)


def test_a_card_that_asks_anew_has_not_taken_it() -> None:
    dialog = answer_forced(CURRENT, NEW)
    next(dialog)
    for question in (FRESH, AGAIN):
        dialog.send(Reply(pages=(question,), prompt=Prompt.NEW_PASSWORD, at=0.0))
    with pytest.raises(CommandRejected, match="policy"):
        dialog.send(Reply(pages=(CURRENT,), prompt=Prompt.NEW_PASSWORD, at=0.0))


@pytest.mark.parametrize(
    ("password", "unit", "good"),
    [
        ("short", Unit.MENUS, True),
        ("short", Unit.SHELL, False),
        ("short", Unit.UNSURE, False),
        ("elevenchars", Unit.MENUS, False),
        ("elevenchars", Unit.SHELL, True),
        ("eightc8s", Unit.UNSURE, True),
        ("with blank", Unit.MENUS, False),
        ('quo"ted12', Unit.SHELL, False),
        ("semi;colon", Unit.SHELL, False),
        ("umläut123", Unit.SHELL, False),
        ("apc", Unit.MENUS, False),
        ("", Unit.MENUS, False),
    ],
)
def test_which_passwords_will_do(password: str, unit: Unit, good: bool) -> None:
    assert (complaint(password, unit) == "") is good
