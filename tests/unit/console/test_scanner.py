from __future__ import annotations

import pytest

from apcbridge.console.scanner import LIMIT_BYTES, Prompt, Scanner, split_lines
from apcbridge.errors import ScreenUnrecognised
from tests.unit.console import rackpdu as pdu


def prompt_after(text: bytes, *, quiet: bool = False) -> Prompt:
    scanner = Scanner()
    scanner.feed(text)
    return scanner.prompt(quiet=quiet)


@pytest.mark.parametrize(
    ("text", "prompt"),
    [
        (b"\r\nUser Name : ", Prompt.USER),
        (b"\n\rUser Name : ", Prompt.USER),
        (b"\rUser Name : ", Prompt.USER),
        (b"apc\rPassword  : ", Prompt.PASSWORD),
        (b"apc\r\nPassword : ", Prompt.PASSWORD),
        (b"\r\nEnter current password: ", Prompt.NEW_PASSWORD),
        (b"Confirm new password: ", Prompt.NEW_PASSWORD),
        (b"\r\n\r        Press <ENTER> to continue...", Prompt.PAGER),
        (b"        Enter 'YES' to continue or <ENTER> to cancel : ", Prompt.CONFIRM),
        (b"\r\napc>", Prompt.SHELL),
        (b"\r\nAdministrator@apc>", Prompt.SHELL),
        (b"\r\nSuper User@apc> ", Prompt.SHELL),
        (b"\r\nAPC>", Prompt.DASH_C),
        (b"\r\nConnection Closed - Bye\r\n", Prompt.BYE),
        (pdu.MAIN, Prompt.MENU),
        (b"   <ESC>- Exit, <ENTER>- Refresh, <SPACE>- Next, <D>- Delete\r\n> ", Prompt.EVENT_LOG),
        (b"   <ESC>- Exit, <ENTER>- Refresh, <D>- Delete\n>", Prompt.EVENT_LOG),
    ],
)
def test_a_prompt_at_the_end_is_known_at_once(text: bytes, prompt: Prompt) -> None:
    assert prompt_after(text) is prompt


@pytest.mark.parametrize(
    "text",
    [
        b"        Press <ENTER> ",
        b"        Enter 'YES' to continue or <ENTER> ",
        b"     6- User Name           : ",
        b"User Name          : ",
        b"     1- web> ",
        b" 1: apc>",
        b" 1: me@apc>",
        b"1: me@apc>",
        b"        Press <ENTER> to continue or <ESC> to cancel",
        b"     3- Press any key to continue",
        b"   1- apc>",
        b"Password: ",
        pdu.MAIN + b"x",
    ],
)
def test_what_only_looks_like_a_prompt_is_none(text: bytes) -> None:
    assert prompt_after(text) is Prompt.NONE
    assert prompt_after(text, quiet=True) is Prompt.NONE


def test_a_bare_menu_prompt_counts_only_after_a_pause() -> None:
    assert prompt_after(b"who knows\r\n> ") is Prompt.NONE
    assert prompt_after(b"who knows\r\n> ", quiet=True) is Prompt.MENU


@pytest.mark.parametrize(
    "words",
    [
        "Press ENTER to continue...",
        "PRESS <ENTER> TO CONTINUE",
        "Press any key to continue",
        "Hit <RETURN> for more: ",
        "--More--",
    ],
)
def test_a_pager_in_words_of_its_own_counts_only_after_a_pause(words: str) -> None:
    text = b"     1- web\r\n        " + words.encode()
    assert prompt_after(text) is Prompt.NONE
    assert prompt_after(text, quiet=True) is Prompt.PAGER


@pytest.mark.parametrize(
    ("text", "prompt"),
    [
        (pdu.MAIN + b"\r\nSystem: hello\r\n", Prompt.MENU),
        (b"\r\napc>System: hello\r\n", Prompt.SHELL),
        (b"\r\nUser Name : \r\nhello\r\n", Prompt.USER),
        (b"apc\r\nPassword  : \r\nhello\r\n", Prompt.NONE),
        (pdu.CONFIRM + b"\r\nhello\r\n", Prompt.NONE),
        (b"", Prompt.NONE),
    ],
)
def test_a_prompt_before_an_unasked_line_counts_unless_a_password_or_yes_would_follow(
    text: bytes, prompt: Prompt
) -> None:
    scanner = Scanner()
    scanner.feed(text)
    assert scanner.buried_prompt() is prompt


def test_terminal_control_is_no_text_wherever_it_is_cut() -> None:
    whole = b"\x1b[2J\x1b[1;1H\x1b[1m   1- web\x1b[0m  \x1b[31;1mON\x1b[m\x1b[K\x1b(B\r\n\x1b[?25hapc>\x1b[0m"
    for cut in range(len(whole) + 1):
        scanner = Scanner()
        scanner.feed(whole[:cut])
        scanner.feed(whole[cut:])
        assert scanner.text.strip() == "1- web  ON\r\napc>"
        assert scanner.prompt(quiet=False) is Prompt.SHELL


def test_what_a_moved_cursor_prints_is_no_part_of_the_line_before() -> None:
    scanner = Scanner()
    scanner.feed(b"   1- web\x1b[5;34HON\r\n")
    assert "web\nON" in scanner.text


def test_more_than_any_screen_holds_is_refused_and_forgotten() -> None:
    scanner = Scanner()
    scanner.feed(b"x" * LIMIT_BYTES)
    with pytest.raises(ScreenUnrecognised):
        scanner.feed(b"y")
    assert len(scanner) == 0


def test_lines_end_with_any_of_the_three_line_ends() -> None:
    assert split_lines("a\r\nb\rc\nd\n\re") == ["a", "b", "c", "d", "", "e"]
