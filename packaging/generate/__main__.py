#!/usr/bin/env python3
"""Write what is made of the command line and the schema: ``python packaging/generate DIRECTORY``.

Makes ``man/apcbridge.1``, ``man/apcbridge.yaml.5``, ``completions/apcbridge.bash``, ``completions/_apcbridge`` (zsh)
and ``completions/apcbridge.fish``. It must run with a Python that can import the apcbridge that is being packaged.
``$SOURCE_DATE_EPOCH`` sets the date on the manual pages.
"""

from __future__ import annotations

import datetime as dt
import os
import sys
from pathlib import Path

import bash
import fish
import manual
import zsh
from commandline import describe

import apcbridge
from apcbridge.cli import build_parser


def main(directory: Path) -> None:
    """Write every file below ``directory``."""
    # The defaults in the help must not depend on who builds.
    os.environ.pop("APCBRIDGE_SOCKET", None)
    program = describe(build_parser())
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    now = dt.datetime.fromtimestamp(int(epoch), dt.UTC) if epoch else dt.datetime.now(dt.UTC)
    edition = manual.Edition(version=apcbridge.__version__, date=now.date().isoformat())
    texts = {
        "man/apcbridge.1": manual.program_page(program, edition),
        "man/apcbridge.yaml.5": manual.configuration_page(edition),
        "completions/apcbridge.bash": bash.script(program),
        "completions/_apcbridge": zsh.script(program),
        "completions/apcbridge.fish": fish.script(program),
    }
    for name, text in texts.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
