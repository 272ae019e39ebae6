"""The start of the program: what is refused in words, and from where and at which addresses it runs."""

import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from tests.processes import ROOT, Server, free_port, run_program, wait_until


def test_a_port_that_is_in_use_is_refused_at_the_start(settings_env: dict[str, str], tmp_path: Path) -> None:
    """The program ends with exit code 2 and one problem, as for every other setting."""
    with socket.create_server(('127.0.0.1', 0)) as taken:
        port = taken.getsockname()[1]
        code, lines = run_program(settings_env | {'HOST': '127.0.0.1', 'PORT': str(port)}, tmp_path)
    said = f'  - HOST and PORT: cannot listen on 127.0.0.1:{port}: address already in use'
    demo = 'To look around without any account: make demo'
    assert (code, lines) == (2, ['Paidslot cannot start:', said, demo])


def test_a_start_with_live_keys_and_example_texts_is_refused(
    settings_env: dict[str, str], tmp_path: Path
) -> None:
    """A customer must not be told to call a number that reaches nobody."""
    live = {
        'STRIPE_SECRET_KEY': 'sk_live_abc',
        'STRIPE_PUBLISHABLE_KEY': '',
        'STRIPE_API_BASE': '',
        'CALENDLY_API_BASE': '',
        'CALENDLY_LINK': 'https://calendly.com/coach/session',
        'DOMAIN': 'https://coach.example',
    }
    code, lines = run_program(settings_env | live, tmp_path)
    assert (code, lines[0]) == (2, 'Paidslot cannot start:')
    places = [re.search(r'site\.toml: (\[contact\] \w+) is', line) for line in lines[1:-1]]
    assert [place[1] for place in places if place] == [
        '[contact] email',
        '[contact] phone',
        '[contact] hours',
    ]


def test_examples_are_named_together_with_wrong_settings(
    settings_env: dict[str, str], tmp_path: Path
) -> None:
    """Whoever repairs the settings must not be refused a second time for the texts."""
    live = {'STRIPE_SECRET_KEY': 'sk_live_abc', 'STRIPE_PRICE_ID': '', 'CALENDLY_API_BASE': ''}
    code, lines = run_program(settings_env | live, tmp_path)
    assert code == 2
    assert any('STRIPE_PRICE_ID is missing' in line for line in lines)
    assert any('[contact] phone is' in line for line in lines)


def test_a_start_without_the_packages_is_refused_in_words(tmp_path: Path) -> None:
    """The python of the system instead of the one in .venv: a sentence, and no traceback."""
    command = [sys.executable, '-S', str(ROOT / 'main.py')]  # -S: without site-packages
    done = subprocess.run(command, cwd=tmp_path, env={}, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (2, '')
    assert 'does not have the package' in done.stdout
    assert 'make setup' in done.stdout


@pytest.mark.parametrize('port', ['abc', '70000', '0'])
def test_the_demo_names_a_wrong_port(port: str) -> None:
    """One sentence about PORT, and none about what is made from it."""
    command = [sys.executable, str(ROOT / 'main.py'), 'demo']
    done = subprocess.run(command, env={'PORT': port}, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (2, '')
    assert done.stdout.splitlines()[1:] == ['  - PORT is not a port number']


def test_ctrl_c_ends_the_shop_without_a_traceback(settings_env: dict[str, str], tmp_path: Path) -> None:
    """As SIGTERM does: exit code 0, and only log lines."""
    port = free_port()
    settings = settings_env | {'PORT': str(port), 'PATH': os.environ['PATH']}
    command = [sys.executable, str(ROOT / 'main.py'), 'serve']
    log = tmp_path / 'log'
    with log.open('w') as out, subprocess.Popen(command, env=settings, stdout=out, stderr=out) as process:
        wait_until(lambda: _answers(port), seconds=30, why='the shop answers')
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0, log.read_text()
    assert 'Traceback' not in log.read_text()


def _answers(port: int) -> bool:
    with suppress(httpx.HTTPError):
        return httpx.get(f'http://127.0.0.1:{port}/healthz', trust_env=False).text == 'ok'
    return False


def test_a_start_from_another_folder_makes_no_new_shop(settings_env: dict[str, str], tmp_path: Path) -> None:
    """Nothing appears in the folder, and the .env there is named as not read."""
    (tmp_path / '.env').write_text('STRIPE_PRICE_ID=price_1')
    code, lines = run_program(settings_env | {'STRIPE_SECRET_KEY': 'wrong'}, tmp_path)
    assert code == 2
    assert [line for line in lines if f'{tmp_path}/.env is not read' in line]
    assert [path.name for path in tmp_path.iterdir()] == ['.env']


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason='this machine has no IPv6')
def test_both_families_are_checked_and_served(settings_env: dict[str, str], tmp_path: Path) -> None:
    """HOST=:: answers on IPv4 and IPv6; a port that one of the two has taken is refused."""
    port = free_port()
    settings = settings_env | {'HOST': '::', 'PORT': str(port), 'PATH': os.environ['PATH']}
    with socket.create_server(('127.0.0.1', port)):
        code, lines = run_program(settings, tmp_path)
    assert code == 2
    assert 'address already in use' in lines[1]
    arguments = [str(ROOT / 'main.py'), 'serve']
    server = Server('shop', arguments, port=port, health='/healthz', folder=tmp_path, environment=settings)
    server.start()
    try:
        for host in ('127.0.0.1', '[::1]'):
            assert httpx.get(f'http://{host}:{port}/healthz', trust_env=False).text == 'ok'
        # IPv4 clients have IPv4 addresses: the local one may read the counters.
        assert httpx.get(f'http://127.0.0.1:{port}/metrics', trust_env=False).status_code == 200
    finally:
        server.stop()
