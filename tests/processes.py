"""Real processes for tests: started with an environment of their own, waited for, ended by their id."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[1]
START_DEADLINE = 30.0
STOP_DEADLINE = 15.0
POLL = 0.05
KEPT = ('PATH', 'LANG', 'LC_ALL', 'TZ', 'SYSTEMROOT', 'LD_LIBRARY_PATH')


class ProcessError(Exception):
    """A process did not start or did not stop; the text ends with its log."""


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return int(probe.getsockname()[1])


def wait_until(condition: Callable[[], bool], *, seconds: float, why: str) -> None:
    """Poll until a condition holds.

    Raises:
        TimeoutError: it did not hold within ``seconds``.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f'{why}: not within {seconds:.0f} s')
        time.sleep(POLL)


class Server:
    """One Python server process on a port of 127.0.0.1, in a folder of its own.

    The process sees ``environment`` and nothing of the developer's: neither variables nor a ``.env``, since
    it starts in ``folder``.
    """

    def __init__(
        self,
        name: str,
        arguments: list[str],
        *,
        port: int,
        health: str,
        folder: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.url = f'http://127.0.0.1:{port}'
        self._arguments = arguments
        self._health = self.url + health
        self._folder = folder
        self._log_file = folder / f'{name}.log'
        self._environment = {**_clean(folder), **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        """Whether the process was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The id of the running process."""
        assert self._process is not None, f'{self.name} is not running'
        return self._process.pid

    def start(self) -> None:
        """Start the process and wait until it answers that it is well.

        Raises:
            ProcessError: it ended, or did not answer in time.
        """
        assert not self.is_running, f'{self.name} runs already'
        with self._log_file.open('ab') as log:
            self._process = subprocess.Popen(
                [sys.executable, *self._arguments],
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            wait_until(self._is_well, seconds=START_DEADLINE, why=f'{self.name} answers {self._health}')
        except TimeoutError as error:
            self.kill()
            raise ProcessError(f'{error}\n{self.log()}') from error

    def stop(self) -> None:
        """Ask the process to end, and wait for it.

        Raises:
            ProcessError: it had to be killed.
        """
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_DEADLINE)
        except subprocess.TimeoutExpired as error:
            process.kill()
            process.wait()
            raise ProcessError(f'{self.name} did not stop in {STOP_DEADLINE:.0f} s\n{self.log()}') from error

    def kill(self) -> None:
        """End the process at once, as a power cut would."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def log(self) -> str:
        """Everything the process wrote so far, over all its starts."""
        return self._log_file.read_text(errors='replace') if self._log_file.exists() else ''

    def _is_well(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            code, self._process = self._process.returncode, None
            raise ProcessError(f'{self.name} ended with code {code}\n{self.log()}')
        try:
            return httpx.get(self._health, timeout=2, trust_env=False).is_success
        except httpx.TransportError:
            return False


def _clean(folder: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    own = {'HOME': str(folder), 'TMPDIR': str(folder), 'PYTHONPATH': str(ROOT), 'PYTHONUNBUFFERED': '1'}
    return kept | own
