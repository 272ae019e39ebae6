"""A shop under test as the test sees it: started, made to die, started again, elsewhere if need be."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from tests.crash.points import DEADLY, ROUND_BEGINS, ROUND_ENDS, TRACE
from tests.processes import ROOT, wait_until

START, ROUND, DEATH = 60.0, 30.0, 5.0  # seconds, on a busy machine


class Launcher:
    """The warm interpreter."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        """Start it; its imports go on while the first shop is asked for."""
        environment = {'PATH': os.environ['PATH'], 'PYTHONPATH': str(ROOT), 'HOME': str(self._folder)}
        self._process = subprocess.Popen(
            [sys.executable, '-m', 'tests.crash.launcher'],
            cwd=self._folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it, and the shop that still runs."""
        if self._process:
            self._process.communicate()

    def start(self, folder: Path, environment: Mapping[str, str], *, watched: bool) -> int:
        """Start a shop; returns its process id.

        Args:
            folder: where it runs; its log and its trace are there.
            environment: all that it is to know.
            watched: whether it is to have fault points.
        """
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        told = {'folder': str(folder), 'environment': dict(environment), 'watched': watched}
        process.stdin.write(json.dumps(told) + '\n')
        process.stdin.flush()
        return int(process.stdout.readline())


class Shop:
    """One ledger, and the process that keeps it while there is one."""

    def __init__(
        self, launcher: Launcher, folder: Path, environment: Mapping[str, str], *, ports: tuple[int, int]
    ) -> None:
        """Make it; nothing runs yet.

        Args:
            launcher: what starts it.
            folder: where it runs; its ledger is not there unless the environment says so.
            environment: its settings, without DOMAIN, HOST and PORT.
            ports: where it listens; deliveries know of one at a time.
        """
        self._launcher = launcher
        self._folder = folder
        self._ports = ports
        self._pid = 0
        self._http = httpx.Client(timeout=2, trust_env=False)
        fixed = {'DOMAIN': self.url, 'HOST': '127.0.0.1', 'RECONCILE_SECONDS': '1'}
        self._environment = {**environment, **fixed}

    @property
    def url(self) -> str:
        """Where it listens now, or will after its next start."""
        return f'http://127.0.0.1:{self._ports[0]}'

    @property
    def is_running(self) -> bool:
        """Whether the process lives."""
        if not self._pid:
            return False
        try:
            os.kill(self._pid, 0)
        except ProcessLookupError:
            self._pid = 0
        return bool(self._pid)

    def start(self, *, watched: bool = True, doomed: bool = False) -> None:
        """Start it where it stopped, and wait until it answers.

        Args:
            watched: whether it has fault points.
            doomed: whether it may die while it starts; otherwise no point is deadly.
        """
        assert not self.is_running
        if not doomed:
            self.spare()
        here = self._environment | {'PORT': str(self._ports[0])}
        self._pid = self._launcher.start(self._folder, here, watched=watched)
        wait_until(lambda: self._is_well(doomed=doomed), seconds=START, why='the shop answers')

    def move(self) -> None:
        """Let the next start be at the other port, of which no delivery under way knows."""
        self._ports = self._ports[1], self._ports[0]

    def doom(self, point: str) -> None:
        """Let it die as soon as it reaches this point."""
        new = self._folder / f'{DEADLY}.new'
        new.write_text(point)
        new.rename(self._folder / DEADLY)

    def spare(self) -> None:
        """Let no point be deadly."""
        (self._folder / DEADLY).unlink(missing_ok=True)

    def kill(self) -> None:
        """End it at once, wherever it is."""
        if self.is_running:
            os.kill(self._pid, signal.SIGKILL)
            self.await_death()

    def await_death(self) -> None:
        """Wait until it is gone.

        Raises:
            TimeoutError: it lives.
        """
        wait_until(lambda: not self.is_running, seconds=DEATH, why='the shop is dead')

    def await_round(self) -> None:
        """Wait for one whole round of the reconciler, until nothing is left to do, or the shop is dead."""
        seen = len(self.trace())

        def done() -> bool:
            new = self.trace()[seen:]
            if not self.is_running:
                return True
            return ROUND_BEGINS in new and ROUND_ENDS in new[new.index(ROUND_BEGINS) :]

        wait_until(done, seconds=ROUND, why='a round of the reconciler')

    def trace(self) -> list[str]:
        """All that it passed so far, over all its starts."""
        file = self._folder / TRACE
        return file.read_text().splitlines() if file.exists() else []

    def log(self) -> str:
        """All that it wrote so far, over all its starts."""
        return (self._folder / 'shop.log').read_text()

    def _is_well(self, *, doomed: bool) -> bool:
        if not self.is_running:
            assert doomed, f'the shop ended:\n{self.log()[-4000:]}'
            return True
        try:
            return self._http.get(f'{self.url}/healthz').is_success
        except httpx.TransportError:
            return False
