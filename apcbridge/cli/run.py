"""``apcbridge run``: the daemon."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from apcbridge.cli import Exit, add_command, add_config_option

if TYPE_CHECKING:
    import argparse

    from apcbridge.cli import Subparsers
    from apcbridge.config import Config

LEVELS = ("debug", "info", "warning", "error")


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = add_command(subparsers, "run", run, "run the bridge until SIGTERM or Ctrl-C")
    add_config_option(parser)
    parser.add_argument("--log-level", choices=LEVELS, default="info", help="how much to log (default: %(default)s)")
    parser.add_argument("--log-format", choices=("text", "json"), default="text", help="default: %(default)s")


def run(args: argparse.Namespace) -> int:
    """Load the configuration and run; raise ConfigError if it is at fault."""
    # What only the daemon needs is imported here: `apcbridge --help` must not wait for it.
    import logging

    from apcbridge import logs
    from apcbridge.clock import SystemClock
    from apcbridge.config import load
    from apcbridge.serving import serve

    level = logging.getLevelNamesMapping()[args.log_level.upper()]
    form = logs.LogFormat(args.log_format)

    redaction = logs.Redaction()
    logs.set_up(level, form, redaction, SystemClock().monotonic)

    def load_and_hide_secrets() -> Config:
        config = load(Path(args.config))
        redaction.hide(secret.reveal() for secret in config.secrets())
        return config

    serve(load_and_hide_secrets)
    return Exit.GOOD
