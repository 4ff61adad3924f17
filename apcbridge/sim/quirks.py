"""What the sources do not tell about a console, or tell in more than one way, as knobs.

Every default is either attested or the mildest guess; fields whose default is a guess say so.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Crlf(StrEnum):
    """How the input side takes CR LF."""

    ONE = "one"
    """CR is Enter, an LF right behind it is swallowed."""
    TWO = "two"
    """Both are Enter (fence-agents 52eee63e, bz810949)."""


class WrongChoice(StrEnum):
    """What a menu does with a choice that it does not offer (not found anywhere: a guess)."""

    REPRINT = "reprint"
    MESSAGE = "message"
    PROMPT = "prompt"


class CodeOrder(StrEnum):
    """Where the AOS 5/6 command line prints ``E000: Success``."""

    ATTESTED = "attested"
    """Per command, as seen: lastrst and session print their data first, the others last."""
    CODE_FIRST = "code_first"
    DATA_FIRST = "data_first"


class SecondSession(StrEnum):
    """What a telnet client meets while somebody else is logged in; no source shows a text."""

    CLOSE = "close"
    """Accepted, then closed."""
    REFUSE = "refuse"
    """Accepted, told that the maximum is reached, then closed."""


class EditPrompt(StrEnum):
    """The prompt under a menu setting that is being changed (not found anywhere: a guess)."""

    LABEL = "label"
    """8 blanks, the label, `` : ``."""
    ARROW = "arrow"
    """The menu prompt, ``> `` on its own line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quirks:
    """Habits of one console. Times are seconds of the device's clock unless the name says otherwise."""

    crlf: Crlf = Crlf.ONE
    lone_lf_is_enter: bool = True
    """An LF without CR before it is Enter (old MasterSwitch and a PHP tool send it)."""
    trailing_blanks: bool = True
    """Items of control screens are padded with blanks."""
    blank_after_list_title: bool = True
    """AP9211 and one AP79xx print an empty line between the list's title and its rows, one copy does not."""
    row_name_width: int = 25
    """Columns from the name to the state in the outlet list."""
    group_column: str = ""
    """What stands behind the state of the outlets that belong to a group, here the even ones (the manual says that the
    list shows it, no source shows how)."""
    page_bare: bool = False
    """The pages of a MasterSwitch's outlet have no block with name and state (no source shows them)."""
    old_row_states: bool = False
    """D0 prints the states behind the names, ``Outlet 1:ON``, beside its block of states."""
    outlet_title_short: bool = False
    """The dashes behind the outlet's title end one column early, as in the only copy of that screen."""

    pager_after_row: int = 22
    """The outlet list stops behind this row if more follow; 0 never stops."""
    pager_deaf_s: float = 0.0
    """Enter pressed within this time of the pager's appearing is lost (bz1342584 saw 0.5 s)."""

    extra_items: bool = False
    """An item that no driver knows stands first in every menu, so that all numbers are shifted by one."""
    sparse: bool = False
    """Screens and lines whose contents no source shows are missing."""
    confirm_bare: bool = False
    """The confirmation says only which action; of the sentences with number and name one is attested."""
    confirm: bool = True
    """A control command asks for YES; it can be switched off on a MasterSwitch (cluster-glue)."""
    wrong_choice: WrongChoice = WrongChoice.REPRINT
    wrong_choice_text: str = "Invalid selection."
    edit_prompt: EditPrompt = EditPrompt.LABEL
    settings_delay_s: float = 0.0
    """Accepted settings act this much later (a runbook saw up to two minutes)."""

    dash_c: bool = True
    """``password -c`` opens the command line (AOS 3 rack PDUs)."""
    login_banner: bool = True
    """Menus print their banner; that of an AP9210, which has no AOS, is in no source."""
    login_banner_extra: str = ""
    """A line printed before the banner."""
    bad_login_text: str = ""
    """Printed before the user name is asked again; no source shows a sentence."""
    lockout_after: int = 0
    """Bad logins in a row until the console locks; 0 never locks."""
    lockout_s: float = 120.0
    session_timeout_s: float = 180.0
    """Inactivity log-off; 0 is never."""
    timeout_text: str = ""
    """Printed at the inactivity log-off, before the connection's farewell (guess: nothing)."""
    prompt_after_logout: bool = False
    """``User Name :`` comes by itself after a log-out on the serial line (guess: only after Enter)."""
    second_session: SecondSession = SecondSession.CLOSE

    screen_delay_s: float = 0.0
    screen_delay_max_s: float = 0.0
    """The device takes a time between these two before each screen (3 to 5 s: FA232984)."""
    boot_text: str = ""
    """Printed on the serial line when the NMC is up (no source shows any)."""
    unasked_text: str = ""
    unasked_every_s: float = 0.0
    """The text appears by itself that often on a console that waits for input; 0 is never."""

    cli_tabs: bool = True
    """Columns of ``about`` and ``system`` are made with TABs, else with blanks."""
    cli_order: CodeOrder = CodeOrder.ATTESTED
    cli_long_prompt: bool = False
    """The type of the account before the prompt, ``Super User@apc>``, instead of ``apc>``."""
    cli_force_password_change: bool = False
    """AOS 6.9.6 insists on a new password while the factory's is in force."""
    cli_reboot_required: bool = False
    """Every answer ends with ``* Reboot required for change to take effect.``"""
    cli_bye: bool = True
    """``bye`` exists (not on AOS 5.1.x)."""
    cli_ol_name_manual: bool = False
    """``olName 3`` answers ``Outlet 3: name`` as the manual has it, not `` 3: name``."""
    cli_not_ready_s: float = 0.0
    """For this long after a restart the ``-c`` command line says that the PDU initialises, and logs off."""

    log_rows: int = 12
    """Events per page of the event log."""
    event_log: bool = True
    """The NMC writes an event log at all."""
    old_event_log: bool = False
    """CTRL-L opens the event log on D0 to D2 as well (the AP9211's footer does not offer it)."""
    status_block: bool = False
    """D0 prints the states above its main menu (an early MasterSwitch does)."""
    alert_flags: str = ""
    """Overrides the status flags of the banner, such as ``P+ N! A+``."""
    cold_start_event: str = "System: Coldstart."
    warm_start_event: str = ""
    """Overrides the dialect's own event text of a restart."""
    outlet_events: bool = True
    """Switching leaves a line in the event log (its wording is a guess)."""
    restart_loses_lagging: bool = False
    """A restart stops also a relay that lags behind an accepted immediate command (guess: it does not)."""
    lag_counts_as_pending: bool = False
    """The ``*`` shows also while a relay lags behind an immediate command."""
    on_after_power_loss: bool = True
    """Outlets close after mains return, each after its power-on delay; else they resume their last state."""
    lastrst_power: str = "01 Power On Reset"
    """Text of ``lastrst`` after mains return (guess; 04 and 12 are attested)."""
