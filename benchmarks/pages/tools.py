"""Find or install what only these benchmarks need: Chromium, Lighthouse, and Flask under gunicorn."""

import os
import re
import shutil
import subprocess
import venv

from tests.processes import ROOT

FOLDER = ROOT / '.venv' / 'bench'
LIGHTHOUSE = '12.8.2'  # the newest that runs on Node.js 20
FLASK = ('flask==3.1.2', 'gunicorn==23.0.0')
BROWSERS = ('chromium', 'chromium-browser', 'google-chrome', 'chromium-headless-shell')
FLAGS = [
    '--disable-gpu',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--no-first-run',
]


def browser() -> str:
    """Return the path of the browser named in ``CHROMIUM``, or of one on the path.

    Raises:
        RuntimeError: there is no browser.
    """
    found = next(filter(None, map(shutil.which, filter(None, (os.environ.get('CHROMIUM'), *BROWSERS)))), None)
    if found is None:
        raise RuntimeError('no Chromium on this machine; name one in CHROMIUM')
    return found


def browser_flags() -> list[str]:
    """Return the options the browser is started with."""
    return [*FLAGS, '--no-sandbox'] if os.geteuid() == 0 else FLAGS


def lighthouse() -> list[str]:
    """Install Lighthouse unless it is installed; return the command that runs it.

    Raises:
        RuntimeError: there is no Node.js.
    """
    node, npm = shutil.which('node'), shutil.which('npm')
    if node is None or npm is None:
        raise RuntimeError('Lighthouse needs Node.js 18.16 or newer, with npm')
    folder = FOLDER / f'lighthouse-{LIGHTHOUSE}'
    program = folder / 'node_modules' / 'lighthouse' / 'cli' / 'index.js'
    if not program.exists():
        print('installing Lighthouse …', flush=True)
        options = ['--no-audit', '--no-fund', '--no-progress', '--ignore-scripts', '--loglevel=error']
        _run([npm, 'install', f'--prefix={folder}', *options, f'lighthouse@{LIGHTHOUSE}'])
    return [node, str(program)]


def gunicorn() -> str:
    """Install Flask and gunicorn in a virtual environment of their own; return the path of gunicorn."""
    folder = FOLDER / 'flask'
    program = folder / 'bin' / 'gunicorn'
    if not program.exists():
        print('installing Flask and gunicorn …', flush=True)
        venv.create(folder, clear=True, with_pip=True)
        quiet = ['--quiet', '--disable-pip-version-check']
        _run([str(folder / 'bin' / 'python'), '-m', 'pip', 'install', *quiet, *FLASK])
    return str(program)


def versions() -> list[str]:
    """Name the versions of Chromium, Node.js and everything that is installed here."""
    node, chromium = (_run([program, '--version']) for program in ('node', browser()))
    found = re.search(r'[\d.]+', chromium)
    flask = [package.replace('==', ' ') for package in FLASK]
    return [f'Chromium {found[0] if found else "?"}', f'Node.js {node}', f'lighthouse {LIGHTHOUSE}', *flask]


def _run(command: list[str]) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
