"""One shop as a process: from this checkout, or in the file system of the image, as Docker would run it."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx

from tests.processes import ROOT, wait_until

START_TIMEOUT = 60.0  # seconds
STOP_TIMEOUT = 20.0
USER = 10001
ISOLATED = f"""
set -eu
mount --bind "$IMAGE" "$IMAGE"
mount --options remount,bind,ro "$IMAGE"
mount --types tmpfs --options mode=1777 tmpfs "$IMAGE/tmp"
mount --types tmpfs --options mode=1777 tmpfs "$IMAGE/dev/shm"
mount --bind "$DATA" "$IMAGE/app/data"
mount --types proc proc "$IMAGE/proc"
if [ -n "$SOCKETS" ]; then mkdir -p "$IMAGE$SOCKETS" && mount --bind "$SOCKETS" "$IMAGE$SOCKETS"; fi
cd "$IMAGE"
exec chroot "$IMAGE" /usr/bin/setpriv --reuid={USER} --regid={USER} --clear-groups --no-new-privs \
    --bounding-set=-all --inh-caps=-all env --chdir=/app python main.py serve
"""
"""What read_only, tmpfs, volumes, user, cap_drop and security_opt of compose.yaml do; Docker has /dev/shm."""


class ShopProcess:
    """A shop that can be started, stopped and killed."""

    def __init__(
        self,
        name: str,
        folder: Path,
        *,
        port: int,
        settings: Mapping[str, str],
        image: Path | None,
        program: Sequence[str],
    ) -> None:
        """Prepare it.

        Args:
            name: of its log.
            folder: for its database and its log.
            port: where it listens.
            settings: its environment.
            image: the root file system of the image; without one this checkout is run.
            program: what Python runs in this checkout.
        """
        self.port = port
        self.data = folder / f'{name}-data'
        self.log_file = folder / f'{name}.log'
        self._image = image
        self._program = program
        self._environment = {
            'HOST': '127.0.0.1',
            'PORT': str(port),
            'DATABASE_URL': f'sqlite:///{self.data}/paidslot.db',
            **settings,
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it is healthy."""
        self.data.mkdir(exist_ok=True)
        command, environment, folder = self._command()
        with self.log_file.open('ab') as log:
            self._process = subprocess.Popen(
                command, env=environment, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        wait_until(self._is_healthy, seconds=START_TIMEOUT, why=f'the shop on {self.port} is healthy')

    def stop(self) -> None:
        """Stop it, as ``docker stop`` does."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it, as a crash does."""
        self._end(signal.SIGKILL)

    @property
    def pid(self) -> int:
        """The id of the Python process, inside the container too."""
        assert self._process is not None
        if self._image is None:
            return self._process.pid
        children = Path(f'/proc/{self._process.pid}/task/{self._process.pid}/children').read_text().split()
        return int(children[0])

    def _end(self, how: signal.Signals) -> None:
        if self._process is None or self._process.poll() is not None:
            return
        os.kill(self.pid, how)
        self._process.wait(STOP_TIMEOUT)
        self._process = None

    def _is_healthy(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log_file.read_text()[-3000:]
        try:
            return httpx.get(f'http://127.0.0.1:{self.port}/healthz', timeout=2, trust_env=False).is_success
        except httpx.TransportError:
            return False

    def _command(self) -> tuple[list[str], dict[str, str], Path]:
        if self._image is None:
            own = {'PATH': os.environ['PATH'], 'PYTHONPATH': str(ROOT), 'ENV_FILE': os.devnull}
            settings = {'SITE_FILE': str(ROOT / 'site.toml'), 'NICEGUI_STORAGE_PATH': tempfile.gettempdir()}
            return [sys.executable, *self._program], {**own, **settings, **self._environment}, self.data
        for path in (self.data, *self.data.rglob('*')):  # whoever has put it there
            os.chown(path, USER, USER)
        url = self._environment['DATABASE_URL'].replace(str(self.data), '/app/data')
        inside = {
            'PATH': '/opt/venv/bin:/usr/bin:/bin:/usr/sbin:/sbin',
            'PYTHONUNBUFFERED': '1',
            'PYTHONDONTWRITEBYTECODE': '1',
            'NICEGUI_STORAGE_PATH': '/tmp/nicegui',  # noqa: S108  # as in the Dockerfile
            'DATABASE_URL': url,
            'IMAGE': str(self._image),
            'DATA': str(self.data),
            'SOCKETS': url.partition('?host=')[2],
        }
        command = ['unshare', '--mount', '--pid', '--fork', '--kill-child', 'sh', '-c', ISOLATED]
        return command, {**self._environment, **inside}, Path('/')
