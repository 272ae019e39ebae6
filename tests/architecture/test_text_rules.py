"""Rules about the text of our files for which there is no tool: no script of ours, no sleeping in tests."""

import re
from pathlib import Path

import pytest

from tests.architecture.source import PRODUCT, ROOT, lines_with, python_files

SCRIPT = re.compile(
    r'<script(?! type="application/ld\+json")|run_javascript|js_handler|<[a-z][^<>]*\son[a-z]+\s*=\s*["\']',
    re.IGNORECASE,
)
IMPORT_BY_NAME = re.compile(r"\b(?:import_module|__import__|run_module|run_path)\((?!f'sqlalchemy\.dialects)")
SLEEP = re.compile(r'\b(?:time\.sleep|wait_for_timeout|asyncio\.sleep\((?!0\)))')
POLLS = {ROOT / 'tests' / name for name in ('processes.py', 'sandbox_server.py')}  # they wait for a condition


def _in_product(pattern: re.Pattern[str]) -> list[str]:
    return [line for path in python_files(*PRODUCT) for line in lines_with(pattern, path)]


def test_no_script_of_ours() -> None:
    """The product writes no JavaScript into a page; JSON-LD is data."""
    assert _in_product(SCRIPT) == []


@pytest.mark.parametrize('kind', ['*.js', '*.mjs', '*.ts', '*.vue'])
def test_no_file_of_script(kind: str) -> None:
    """There is no script file of ours."""
    assert not [found for place in ('ui', 'services') for found in (ROOT / place).rglob(kind)]


def test_no_import_by_name() -> None:
    """The product imports nothing by a string, which import-linter could not see."""
    assert _in_product(IMPORT_BY_NAME) == []


def test_no_test_sleeps() -> None:
    """A test waits for something, not for some time; giving way to other tasks is no sleep."""
    here = Path(__file__)
    tests = [path for path in python_files('tests') if path not in {*POLLS, here}]
    assert [line for path in tests for line in lines_with(SLEEP, path)] == []


@pytest.mark.parametrize(
    ('pattern', 'text'),
    [
        (SCRIPT, "ui.add_body_html('<script>alert(1)</script>')"),
        (SCRIPT, "ui.add_head_html('<SCRIPT src=x>')"),
        (SCRIPT, "ui.run_javascript('1')"),
        (SCRIPT, "button.on('click', js_handler='() => 1')"),
        (SCRIPT, """html = '<a href="/" onclick="pay()">pay</a>'"""),
        (IMPORT_BY_NAME, 'importlib.import_module("services.endpoints")'),
        (IMPORT_BY_NAME, '__import__("stripe")'),
        (SLEEP, 'time.sleep(1)'),
        (SLEEP, 'await asyncio.sleep(0.1)'),
        (SLEEP, 'page.wait_for_timeout(500)'),
    ],
)
def test_what_breaks_a_rule_is_found(tmp_path: Path, pattern: re.Pattern[str], text: str) -> None:
    """Each way of breaking a rule is found, with its line."""
    path = tmp_path / 'module.py'
    path.write_text(f'"""A module."""\n{text}\n')
    (line,) = lines_with(pattern, path)
    assert line.startswith(f'{path}:2: ')


@pytest.mark.parametrize(
    ('pattern', 'text'),
    [(SCRIPT, """X = '<script type="application/ld+json">{}'"""), (SLEEP, 'await asyncio.sleep(0)')],
)
def test_what_breaks_no_rule_passes(tmp_path: Path, pattern: re.Pattern[str], text: str) -> None:
    """Structured data for search engines is no script, and giving way to other tasks is no sleep."""
    path = tmp_path / 'module.py'
    path.write_text(text)
    assert lines_with(pattern, path) == []
