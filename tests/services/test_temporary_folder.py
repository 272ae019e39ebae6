"""Temporary folders of commands: deleted at the end, and after a kill by the next command."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from services.commands import temporary_folder as module
from services.commands.temporary_folder import temporary_folder
from tests.processes import ROOT

HOLD = """
from services.commands.temporary_folder import temporary_folder
with temporary_folder('test') as folder:
    (folder / 'orders.db').write_text('x')
    print(folder, flush=True)
    input()
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have temporary folders made in a folder of this test, also by processes that it starts."""
    monkeypatch.setenv('TMPDIR', str(tmp_path))
    monkeypatch.setattr('tempfile.tempdir', None)
    return tmp_path


def hold() -> tuple[subprocess.Popen[str], Path]:
    """Start a process that has such a folder; return both. The folder looks as if it were old."""
    command, pipe = [sys.executable, '-c', HOLD], subprocess.PIPE
    process = subprocess.Popen(command, cwd=ROOT, text=True, stdin=pipe, stdout=pipe)
    assert process.stdout
    folder = Path(process.stdout.readline().strip())
    make_old(folder)
    return process, folder


def make_old(folder: Path) -> None:
    """Set the time of a folder back."""
    before = time.time() - 2 * module.JUST_MADE
    os.utime(folder, (before, before))


def test_what_a_killed_process_has_left_is_deleted(temporary: Path) -> None:
    """What belongs to a running process stays, and it deletes its folder itself at its end."""
    killed, left = hold()
    running, in_use = hold()
    try:
        killed.send_signal(signal.SIGKILL)
        killed.communicate()
        assert (left / 'orders.db').exists()
        with temporary_folder('test') as own:
            assert set(temporary.iterdir()) == {own, in_use}
        assert list(temporary.iterdir()) == [in_use]
        running.communicate('\n')
        assert (running.returncode, list(temporary.iterdir())) == (0, [])
    finally:
        running.kill()
        running.communicate()


def test_nothing_else_is_deleted(temporary: Path) -> None:
    """Neither a folder without our file, nor a new one, nor another one, nor what a link leads to."""
    names = ('paidslot-test-of-somebody', 'paidslot-test-new', 'paidslot-other-1', 'kept')
    folders = [temporary / name for name in names]
    for folder in folders:
        folder.mkdir()
        if folder is not folders[0]:
            (folder / module.LOCK).touch()
        if folder is not folders[1]:
            make_old(folder)
    (temporary / 'paidslot-test-link').symlink_to(folders[3])
    with temporary_folder('test'):
        pass
    assert [folder for folder in folders if not folder.is_dir()] == []
    assert (folders[3] / module.LOCK).exists()
