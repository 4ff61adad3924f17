"""``python -m apcbridge``."""

from __future__ import annotations

import sys

from apcbridge.cli import main

sys.exit(main())
