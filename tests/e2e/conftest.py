"""What the journeys start from: a browser, the twins and the shop as real processes, and their logs on failure."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.processes import ROOT, Server, free_port
from tests.twin import Twin

BROWSERS = ('chromium', 'chromium-browser', 'google-chrome')
FLAGS = [
    '--disable-gpu',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--no-first-run',
]
PATIENCE = 15_000  # milliseconds a page may take on a busy machine before a journey fails
LOG_SHOWN = 12_000  # characters of a process's log under a failed test

RUNNING: pytest.StashKey[list[Server]] = pytest.StashKey()


@pytest.fixture(scope='session')
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Use the browser of ``CHROMIUM``, else of the machine, else Playwright's own."""
    named = os.environ.get('CHROMIUM', '')
    found = next(filter(None, map(shutil.which, [named, *BROWSERS])), None)
    own = {'executable_path': found} if found else {}
    as_root = ['--no-sandbox'] if sys.platform == 'linux' and os.geteuid() == 0 else []
    return browser_type_launch_args | own | {'args': [*FLAGS, *as_root]}


@pytest.fixture(autouse=True)
def patient(page: Page) -> None:
    """Give every step of a journey the same patience."""
    page.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
