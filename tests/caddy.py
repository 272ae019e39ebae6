"""The reverse proxy of compose.yaml as a process, with its own certificates, in front of the tests' shops."""

import os
import shutil
import ssl
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.processes import ROOT, free_port, wait_until

CADDYFILE = ROOT / 'deploy/Caddyfile'
START_TIMEOUT = 20.0  # seconds
RELAY = """
{{
	admin off
}}
{url} {{
	reverse_proxy {to} {{
		header_up Host {{upstream_hostport}}
		transport http {{
			tls_trusted_ca_certs {root}
		}}
	}}
}}
"""


def find() -> str | None:
    """Return where Caddy is installed, None if it is not; the release of the Python package goes first."""
    return shutil.which('caddy', path=str(Path(sys.prefix, 'bin'))) or shutil.which('caddy')


def version() -> str:
    """Return the version of Caddy that is installed."""
    command = [find() or 'caddy', 'version']
    return (
        subprocess.run(command, capture_output=True, text=True, timeout=60).stdout.partition(' ')[0].strip()
    )


def adapted(folder: Path, proxy_to: str) -> subprocess.CompletedProcess[str]:
    """Let Caddy read the configuration, in its own form and for the address of a coach."""
    return _run(folder, 'adapt', {'DOMAIN': 'https://coach.example', 'PROXY_TO': proxy_to})


def validated(folder: Path, proxy_to: str) -> subprocess.CompletedProcess[str]:
    """Let Caddy load every module that the configuration names."""
    return _run(folder, 'validate', {'DOMAIN': 'https://coach.example', 'PROXY_TO': proxy_to})


@dataclass(frozen=True)
class Proxy:
    """A running Caddy."""

    url: str
    root: Path
    """The certificate of its own certification authority."""
    log_file: Path
    process: subprocess.Popen[bytes]

    def log(self) -> str:
        """Return all that it has written."""
        return self.log_file.read_text(errors='replace')

    def trust(self) -> ssl.SSLContext:
        """Return what believes its certificates and no others."""
        return ssl.create_default_context(cafile=str(self.root))


@contextmanager
def running(
    folder: Path, shops: Sequence[int], *, proxy_to: str, port: int | None = None, wait: str = '20s'
) -> Iterator[Proxy]:
    """Run Caddy in front of ports of this machine, with https for ``localhost``.

    Args:
        folder: for its certificates and its log.
        shops: the ports.
        proxy_to: the file of ``deploy/`` that says how requests are passed on.
        port: where it listens; any free one, if not given.
        wait: how long a request waits for a shop that does not answer.
    """
    port = port or free_port()
    own = {
        'DOMAIN': f'https://localhost:{port}',
        'HTTP_PORT': str(free_port()),
        'PROXY_TO': proxy_to,
        'WAIT_FOR_SHOP': wait,
        'SHOPS': ' '.join(f'127.0.0.1:{shop}' for shop in shops),
    }
    root = folder / 'caddy/pki/authorities/local/root.crt'
    log_file = folder / 'caddy.log'
    with log_file.open('wb') as log:
        process = subprocess.Popen(
            [find() or 'caddy', 'run', '--config', str(CADDYFILE), '--adapter', 'caddyfile'],
            cwd=folder,
            env=_environment(folder) | own,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    proxy = Proxy(own['DOMAIN'], root, log_file, process)
    try:
        wait_until(lambda: _answers(proxy), seconds=START_TIMEOUT, why='Caddy answers')
        yield proxy
    finally:
        process.terminate()
        process.wait(START_TIMEOUT)


@contextmanager
def relay(folder: Path, proxy: Proxy) -> Iterator[str]:
    """Run another Caddy that passes plain requests on to the proxy: for senders that do not trust it.

    Yields its URL.
    """
    url = f'http://127.0.0.1:{free_port()}'
    configuration = folder / 'relay.caddy'
    configuration.write_text(RELAY.format(url=url, to=proxy.url, root=proxy.root))
    with (folder / 'relay.log').open('wb') as log:
        process = subprocess.Popen(
            [find() or 'caddy', 'run', '--config', str(configuration), '--adapter', 'caddyfile'],
            cwd=folder,
            env=_environment(folder),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until(lambda: _is_open(url), seconds=START_TIMEOUT, why='the relay answers')
        yield url
    finally:
        process.terminate()
        process.wait(START_TIMEOUT)


def _is_open(url: str) -> bool:
    try:
        httpx.get(url, timeout=2, trust_env=False)
    except httpx.TransportError:
        return False
    return True


def _answers(proxy: Proxy) -> bool:
    assert proxy.process.poll() is None, proxy.log()
    try:
        httpx.get(f'{proxy.url}/healthz', verify=proxy.trust(), timeout=2, trust_env=False)
    except (httpx.TransportError, OSError):  # also while its own certificate is not there yet
        return False
    return True


def _run(folder: Path, command: str, own: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [find() or 'caddy', command, '--config', str(CADDYFILE), '--adapter', 'caddyfile'],
        cwd=folder,
        env=_environment(folder) | own,
        capture_output=True,
        text=True,
        timeout=60,
    )


def _environment(folder: Path) -> dict[str, str]:
    return {
        'PATH': os.environ['PATH'],
        'HOME': str(folder),
        'XDG_DATA_HOME': str(folder),
        'XDG_CONFIG_HOME': str(folder),
    }
