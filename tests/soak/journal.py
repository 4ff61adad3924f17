"""kill -9 two hundred times: no report of a restart lost or doubled, the journal whole.

Run as ``python -m tests.soak.journal [kills]``; stops with an AssertionError at the first broken promise.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.integration.test_journal_crash import crash


def main() -> None:
    """Kill and print the figures."""
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    with tempfile.TemporaryDirectory() as directory:
        restarts, twice = crash(Path(directory), kills)
    print(
        f"{kills} times kill -9: {restarts} restarts kept, none lost, none doubled; {twice} told again with the same id"
    )


if __name__ == "__main__":
    main()
