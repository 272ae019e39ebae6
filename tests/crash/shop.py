"""The shop under test as the test controls it: start, kill, start again, on another port if needed."""

import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import httpx

from tests.crash.kill_points import (
    KILL_AT,
    MAIL_BEGINS,
    MAIL_CLAIMED,
    MAIL_MARKED,
    ROUND_BEGINS,
    ROUND_ENDS,
    TRACE,
)
from tests.processes import Launcher, wait_until

START_TIMEOUT, ROUND_TIMEOUT, DEATH_TIMEOUT = 60.0, 30.0, 5.0  # seconds, on a busy machine
MOMENT = 1.0  # seconds in which a process passes what follows a commit at once


class Shop:
    """One ledger, and the process that serves it while there is one."""

    def __init__(
        self, launcher: Launcher, folder: Path, environment: Mapping[str, str], *, ports: tuple[int, int]
    ) -> None:
        """Prepare the shop; nothing runs yet.

        Args:
            launcher: starts it.
            folder: its working directory.
            environment: its settings, without DOMAIN, HOST and PORT.
            ports: where it listens, one at a time; webhooks are sent to one of them.
        """
        self._launcher = launcher
        self._folder = folder
        self._ports = ports
        self._pid = 0
        self._http = httpx.Client(timeout=2, trust_env=False)
        fixed = {'DOMAIN': self.url, 'HOST': '127.0.0.1', 'RECONCILE_SECONDS': '1'}
        fixed['ENV_FILE'] = os.devnull
        self._environment = {**environment, **fixed}

    @property
    def url(self) -> str:
        """Where it listens now, or will listen after its next start."""
        return f'http://127.0.0.1:{self._ports[0]}'

    @property
    def is_running(self) -> bool:
        """Whether the process is alive."""
        if not self._pid:
            return False
        try:
            os.kill(self._pid, 0)
        except ProcessLookupError:
            self._pid = 0
        return bool(self._pid)

    def start(self, *, kill_points: bool = True, may_die: bool = False) -> None:
        """Start it on the ledger it had, and wait until it answers.

        Args:
            kill_points: whether it has kill points.
            may_die: whether a kill point may end it while it starts; otherwise none is active.
        """
        assert not self.is_running
        if not may_die:
            self.clear_kill_point()
        environment = self._environment | {'PORT': str(self._ports[0])}
        self._pid = self._launcher.start(
            self._folder, environment, log=self._folder / 'shop.log', kill_points=kill_points
        )
        wait_until(lambda: self._has_started(may_die=may_die), seconds=START_TIMEOUT, why='the shop answers')

    def change_port(self) -> None:
        """Use the other port from the next start on; deliveries to the old one no longer arrive."""
        self._ports = self._ports[1], self._ports[0]

    def die_at(self, point: str) -> None:
        """Let the process die as soon as it reaches this kill point."""
        new = self._folder / f'{KILL_AT}.new'
        new.write_text(point)
        new.rename(self._folder / KILL_AT)

    def clear_kill_point(self) -> None:
        """Let the process pass all kill points."""
        (self._folder / KILL_AT).unlink(missing_ok=True)

    def kill(self) -> None:
        """Kill the process now."""
        if self.is_running:
            os.kill(self._pid, signal.SIGKILL)
            self.wait_until_dead()

    def wait_until_dead(self) -> None:
        """Wait until the process has ended.

        Raises:
            TimeoutError: it is still alive.
        """
        wait_until(lambda: not self.is_running, seconds=DEATH_TIMEOUT, why='the shop is dead')

    def dies_soon(self) -> bool:
        """Whether the process ends within a moment."""
        with suppress(TimeoutError):
            wait_until(lambda: not self.is_running, seconds=MOMENT, why='the shop is dead')
        return not self.is_running

    def wait_for_round(self) -> None:
        """Wait until the reconciler has completed a round and has nothing left to do, or the shop is dead."""
        seen = len(self.trace())

        def done() -> bool:
            new = self.trace()[seen:]
            if not self.is_running:
                return True
            return ROUND_BEGINS in new and ROUND_ENDS in new[new.index(ROUND_BEGINS) :]

        wait_until(done, seconds=ROUND_TIMEOUT, why='a round of the reconciler')

    def trace(self) -> list[str]:
        """Return all lines of the trace, over all starts."""
        file = self._folder / TRACE
        return file.read_text().splitlines() if file.exists() else []

    def mails_cut_off(self) -> int:
        """Return how often the process died between the beginning of a mail and its mark."""
        count, is_begun = 0, False
        for point in self.trace():
            if point == MAIL_CLAIMED:  # one mail after the other
                count, is_begun = count + is_begun, False
            elif point == MAIL_BEGINS:
                is_begun = True
            elif point == f'mail: after commit: {MAIL_MARKED}':  # also one that is not needed any more
                is_begun = False
        return count + is_begun

    def log(self) -> str:
        """Return all of the log, over all starts."""
        return (self._folder / 'shop.log').read_text()

    def _has_started(self, *, may_die: bool) -> bool:
        if not self.is_running:
            assert may_die, f'the shop ended:\n{self.log()[-4000:]}'
            return True
        try:
            return self._http.get(f'{self.url}/healthz').is_success
        except httpx.TransportError:
            return False
