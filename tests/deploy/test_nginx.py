"""What nginx, configured as in ``deploy/nginx.conf``, does when one of two shops ends before it answers."""

import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.processes import ROOT, free_port, wait_until

ANSWER = b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok'
EACH = 12  # requests; its number decides which shop gets one first
pytestmark = pytest.mark.skipif(shutil.which('nginx') is None, reason='nginx is not installed')


@contextmanager
def shop(answer: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """Listen, read requests, send an answer and close; yields the port and the bodies that came."""
    bodies: list[bytes] = []

    def serve(listening: socket.socket) -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:  # closed
                return
            with connection:
                bodies.append(connection.recv(65_536).partition(b'\r\n\r\n')[2])
                connection.sendall(answer)

    with socket.create_server(('127.0.0.1', 0)) as listening:
        thread = threading.Thread(target=serve, args=[listening], daemon=True)
        thread.start()
        yield listening.getsockname()[1], bodies
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(10)


@contextmanager
def nginx(folder: Path, dying: int, living: int) -> Iterator[httpx.Client]:
    """Run nginx in front of two shops, on a free port and without https; it forgets that one has failed."""
    port = free_port()
    text = (ROOT / 'deploy/nginx.conf').read_text()
    for old, new in (
        (r'ssl_certificate\S* \S+;', ''),
        ('listen 80;', f'listen 127.0.0.1:{free_port()};'),
        ('listen 443 ssl;', f'listen 127.0.0.1:{port};'),
        (r'hash \$remote_addr consistent', 'hash $arg_number'),
        ('server 127.0.0.1:3000', f'server 127.0.0.1:{dying} max_fails=0'),
        ('# server 127.0.0.1:3001', f'server 127.0.0.1:{living}'),
    ):
        text, found = re.subn(old, new, text)
        assert found, old
    main = folder / 'nginx.conf'
    main.write_text(
        f'daemon off;\npid {folder}/pid;\nerror_log {folder}/log;\nevents {{}}\nhttp {{\n{text}\n}}\n'
    )
    process = subprocess.Popen([shutil.which('nginx') or 'nginx', '-c', str(main)])
    with httpx.Client(base_url=f'http://127.0.0.1:{port}', trust_env=False, timeout=20) as http:
        try:
            wait_until(lambda: _answers(http), seconds=20, why='nginx answers')
            yield http
        finally:
            process.terminate()
            process.wait(20)


def _answers(http: httpx.Client) -> bool:
    try:
        return http.get('/').is_success
    except httpx.TransportError:
        return False


def test_what_makes_nothing_twice_is_sent_again(tmp_path: Path) -> None:
    """Purchases and deliveries come to the other shop with their bodies, as pages do; other forms do not."""
    with shop(b'') as (dying, first), shop(ANSWER) as (living, then), nginx(tmp_path, dying, living) as http:

        def statuses(method: str, path: str, body: bytes = b'') -> set[int]:
            answers = [http.request(method, f'{path}?number={i}', content=body) for i in range(EACH)]
            return {answer.status_code for answer in answers}

        for path in ('/checkout', '/webhooks/stripe'):
            first.clear()
            then.clear()
            assert statuses('POST', path, b'shown=') == {200}
            assert then == [b'shown='] * EACH
            assert set(first) == {b'shown='}
        assert statuses('GET', '/') == {200}
        assert statuses('POST', '/find', b'email=') == {200, 502}
