"""The process around a bridge, as ``apcbridge run`` and ``apcbridge demo`` start it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
import gc, sys
from pathlib import Path
from apcbridge.config import load
from apcbridge.serving import serve

async def look(bridge):
    print(gc.get_freeze_count(), len(gc.get_objects()))
    bridge.stop()

serve(lambda: load(Path(sys.argv[1])), look)
"""


def test_the_garbage_collector_does_not_look_through_all_that_was_loaded(tmp_path: Path) -> None:
    config = tmp_path / "apcbridge.yaml"
    config.write_text(f"bridge: {{state_dir: {tmp_path}}}\npdus: [{{id: pdu1, port: 'sim://AP7920', password: apc}}]\n")
    config.chmod(0o600)
    ran = subprocess.run([sys.executable, "-c", PROGRAM, str(config)], check=True, capture_output=True, timeout=60)
    frozen, seen = map(int, ran.stdout.split())
    assert frozen > 10 * seen
