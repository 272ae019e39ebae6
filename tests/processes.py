"""Server processes for tests: start them with a clean environment, wait for them, and stop them."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

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


class Launcher:
    """A process that forks shops (``tests/launcher.py``), while the block runs."""

    def __init__(self, module: str, folder: Path) -> None:
        """Prepare it; nothing runs yet.

        Args:
            module: the program of the process.
            folder: its home.
        """
        self._module = module
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        """Start the process; its imports go on while the first shop is asked for."""
        self._process = subprocess.Popen(
            [sys.executable, '-m', self._module],
            cwd=self._folder,
            env=_base_environment(self._folder),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the process."""
        if self._process:
            self._process.communicate()

    def start(self, folder: Path, environment: Mapping[str, str], *, log: Path, **options: object) -> int:
        """Start a shop; returns its process id.

        Args:
            folder: its working directory.
            environment: all its environment variables.
            log: the file of what it writes.
            options: for the program of the process.
        """
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        line = {'folder': str(folder), 'environment': dict(environment), 'log': str(log), **options}
        process.stdin.write(json.dumps(line) + '\n')
        process.stdin.flush()
        return int(process.stdout.readline())


class ForkedProcess:
    """A process that is not our child, with the methods of Popen that a server needs."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode = -1  # not known of another's child
        try:
            self._file = os.pidfd_open(pid)
        except ProcessLookupError:
            self._file = -1

    def poll(self) -> int | None:
        """Return None while it runs."""
        return self._after(0)

    def wait(self, seconds: float | None = None) -> int:
        """Wait until it has ended.

        Raises:
            TimeoutExpired: it is still running.
        """
        code = self._after(seconds)
        if code is None:
            raise subprocess.TimeoutExpired(str(self.pid), seconds or 0)
        return code

    def terminate(self) -> None:
        """Ask it to end."""
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        """Kill it."""
        self._send(signal.SIGKILL)

    def _after(self, seconds: float | None) -> int | None:
        if self._file >= 0 and not select.select([self._file], [], [], seconds)[0]:
            return None
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        return self.returncode

    def _send(self, number: int) -> None:
        if self._file >= 0:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._file, number)


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
        launcher: Launcher | None = None,
    ) -> None:
        """Prepare it; nothing runs yet.

        Args:
            name: of its log, and for messages.
            arguments: of the Python interpreter.
            port: where it listens.
            health: the path of its health check.
            folder: its working directory and home.
            environment: its variables, besides a few that every process gets.
            launcher: forks it, where it is a shop without further arguments; that is faster.
        """
        self.name = name
        self.url = f'http://127.0.0.1:{port}'
        self._arguments = arguments
        self._health = self.url + health
        self._folder = folder
        self._log_file = folder / f'{name}.log'
        self._environment = {**_base_environment(folder), **(environment or {})}
        self._launcher = launcher
        self._process: subprocess.Popen[bytes] | ForkedProcess | None = None

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
        self._process = self._fork(self._launcher) if self._launcher else self._open()
        try:
            wait_until(self._is_healthy, seconds=START_TIMEOUT, why=f'{self.name} answers {self._health}')
        except TimeoutError as error:
            self.kill()
            raise ProcessError(f'{error}\n{self.log()}') from error

    def _open(self) -> subprocess.Popen[bytes]:
        with self._log_file.open('ab') as log:
            return subprocess.Popen(
                [sys.executable, *self._arguments],
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def _fork(self, launcher: Launcher) -> ForkedProcess:
        return ForkedProcess(launcher.start(self._folder, self._environment, log=self._log_file))

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
