"""What holds for every test."""

from __future__ import annotations

import signal

from hypothesis import settings

# A machine that is busy with something else is no fault of the code under test.
settings.register_profile("apcbridge", deadline=None, print_blob=True)
settings.register_profile("long", settings.get_profile("apcbridge"), max_examples=20_000)
settings.load_profile("apcbridge")

# A shell starts what runs in the background with SIGINT ignored, and the programs that tests start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
