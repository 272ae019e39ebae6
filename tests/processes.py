"""Server processes for tests: start them with a clean environment, wait for them, and stop them."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[1]
START_TIMEOUT = 30.0  # seconds
STOP_TIMEOUT = 15.0
POLL_INTERVAL = 0.05
INHERITED = ('PATH', 'LANG', 'LC_ALL', 'TZ', 'SYSTEMROOT', 'LD_LIBRARY_PATH')


class ProcessError(Exception):
    """A process did not start or did not stop; the message ends with its log."""


def free_port() -> int:
    """Return a port of 127.0.0.1 on which nothing listens."""
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
        time.sleep(POLL_INTERVAL)


def run_program(settings_env: dict[str, str], folder: Path, *arguments: str) -> tuple[int, list[str]]:
    """Run the program; return its exit code and the lines it printed."""
    command = [sys.executable, str(ROOT / 'main.py'), *arguments]
    done = subprocess.run(command, cwd=folder, env=settings_env, capture_output=True, text=True, timeout=60)
    assert done.stderr == ''
    return done.returncode, done.stdout.splitlines()


class Server:
    """One Python server process on a port of 127.0.0.1, in a folder of its own.

    The process gets ``environment`` and none of the developer's settings: no other variables, and no ``.env``
    file, because ENV_FILE is empty.
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
        self._environment = {**_base_environment(folder), **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        """Whether the process has been started and has not ended."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The id of the running process."""
        assert self._process is not None, f'{self.name} is not running'
        return self._process.pid

    def start(self) -> None:
        """Start the process and wait until its health check succeeds.

        Raises:
            ProcessError: it ended, or did not become healthy in time.
        """
        assert not self.is_running, f'{self.name} is already running'
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
            wait_until(self._is_healthy, seconds=START_TIMEOUT, why=f'{self.name} answers {self._health}')
        except TimeoutError as error:
            self.kill()
            raise ProcessError(f'{error}\n{self.log()}') from error

    def stop(self) -> None:
        """Send SIGTERM and wait until the process has ended.

        Raises:
            ProcessError: it had to be killed.
        """
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired as error:
            process.kill()
            process.wait()
            raise ProcessError(f'{self.name} did not stop in {STOP_TIMEOUT:.0f} s\n{self.log()}') from error

    def kill(self) -> None:
        """Kill the process, as a power failure would."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def log(self) -> str:
        """Return all that the process has written, over all its starts."""
        return self._log_file.read_text(errors='replace') if self._log_file.exists() else ''

    def _is_healthy(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            code, self._process = self._process.returncode, None
            raise ProcessError(f'{self.name} ended with code {code}\n{self.log()}')
        try:
            return httpx.get(self._health, timeout=2, trust_env=False).is_success
        except httpx.TransportError:
            return False


def _base_environment(folder: Path) -> dict[str, str]:
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    own = {'HOME': str(folder), 'TMPDIR': str(folder), 'PYTHONPATH': str(ROOT), 'PYTHONUNBUFFERED': '1'}
    own['ENV_FILE'] = os.devnull
    return inherited | own
