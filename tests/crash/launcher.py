"""The launcher of the crash test: its shops have kill points. Run: ``python -m tests.crash.launcher``."""

import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from services.ledger import effects as ledger_effects
from services.reconciler import effects
from tests.crash.kill_points import KillPoints, install
from tests.launcher import fork_shops

# An effect whose process was killed waits for its lease; a test should not wait for two minutes.
EFFECT_LEASE, EFFECT_INTERVAL = timedelta(seconds=3), 0.5


def main() -> None:
    """Fork shops until the end of stdin; then kill the last one."""
    for pid in fork_shops(_prepare)[-1:]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _prepare(options: Mapping[str, Any]) -> None:
    ledger_effects.LEASE, effects.EVERY = EFFECT_LEASE, EFFECT_INTERVAL
    if options['kill_points']:
        install(KillPoints(Path(options['folder'])))


if __name__ == '__main__':
    main()
