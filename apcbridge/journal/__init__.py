"""What happened, on disk: restarts, commands, events, and what each PDU's reboot detector must remember.

SQLite in the state directory. One thread of its own writes (:class:`Journal`), whoever wants to know reads beside it
(:class:`JournalReader`). What must be told exactly once is written first and told after the commit; an event whose
telling was cut short by a crash is told again at the next start, with the same id, so that who listens can tell.
"""

from apcbridge.journal.reader import JournalReader
from apcbridge.journal.writer import Journal

__all__ = ["Journal", "JournalReader"]
