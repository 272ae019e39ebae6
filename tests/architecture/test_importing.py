"""Nothing happens on import: no connection, no process, no file read or written, no route registered."""

import json
import subprocess
import sys
from pathlib import Path

from tests.architecture.source import ROOT, python_files

RUN_ONLY = ('services.database.migrations.', '__main__')  # alembic and ``python -m`` run these
EFFECTS = {
    'connects': 'import socket\nsocket.create_connection(("127.0.0.1", 9))',
    'listens': 'import socket\nsocket.create_server(("127.0.0.1", 0))',
    'resolves': 'import socket\nsocket.getaddrinfo("localhost", 80)',
    'runs': 'import subprocess\nsubprocess.run(["true"])',
    'writes': 'from pathlib import Path\nPath(__file__).with_suffix(".txt").write_text("x")',
    'reads': 'from pathlib import Path\n(Path(__file__).parent / "data.toml").read_text()',
    'makes_a_folder': 'from pathlib import Path\n(Path(__file__).parent / "new").mkdir()',
    'opens_a_database': 'import sqlite3\nsqlite3.connect(":memory:")',
    'starts_a_thread': 'import threading\nthreading.Thread(target=print).start()',
    'hides_it': 'import subprocess\ntry:\n    subprocess.run(["true"])\nexcept Exception:\n    pass',
    'registers': 'from nicegui import ui\n@ui.page("/x")\ndef page() -> None: ...',
}


def problems_of(folder: Path, names: list[str]) -> list[str]:
    """Import modules in a process of its own, in which effects are refused."""
    program = Path(__file__).with_name('importing.py')
    command = [sys.executable, '-B', str(program), str(folder), *names]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    found: list[str] = json.loads(done.stdout)
    return found


def test_nothing_happens_when_the_product_is_imported() -> None:
    """Every module of services and ui can be imported without an effect."""
    paths = [path.relative_to(ROOT).with_suffix('') for path in python_files('services', 'ui')]
    names = ['.'.join(path.parts).removesuffix('.__init__') for path in paths]
    names = [name for name in names if not any(part in name for part in RUN_ONLY)]
    assert {'services.shop', 'ui.pages.landing'} <= set(names)
    assert problems_of(ROOT, names) == []


def test_each_effect_is_found(tmp_path: Path) -> None:
    """Each kind of effect is found, also one whose exception the module would catch; a constant is none."""
    modules = EFFECTS | {'constant': 'import re\nfrom pathlib import Path\nX = re.compile("x"), Path("y")'}
    for name, text in modules.items():
        (tmp_path / f'{name}.py').write_text(text)
    (tmp_path / 'data.toml').touch()
    found = problems_of(tmp_path, list(modules))
    assert [problem.partition(':')[0] for problem in found] == list(EFFECTS)
    assert not (tmp_path / 'new').exists()
