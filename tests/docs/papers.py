"""What the papers say: tables, commands and links, read out of Markdown and the Makefile."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NAME = re.compile(r'[A-Z][A-Z0-9_]{2,}')
ROUTE = re.compile(r'(?:((?:[A-Z]+/)*[A-Z]+) )?(/\S*)')


def read(name: str) -> str:
    """The text of a file of the repository, by its path from the top."""
    return (ROOT / name).read_text(encoding='utf-8')


def first_cells(text: str, heading: str) -> list[str]:
    """The first cell of every table row in the section whose heading holds a word, without head and rule."""
    cells: list[str] = []
    inside = False
    for line in text.splitlines():
        if line.startswith('#'):
            inside = heading.lower() in line.lower()
        elif inside and line.startswith('|'):
            cells.append(line.strip('|').split('|')[0].strip())
    return [cell for cell in cells if '`' in cell]


def coded(text: str) -> list[str]:
    """Everything between single backticks, in order."""
    return re.findall(r'`([^`\n]+)`', text)


def names_in_settings_table(text: str) -> list[str]:
    """The settings a README lists."""
    return [name for cell in first_cells(text, 'settings') for name in coded(cell) if NAME.fullmatch(name)]


def names_in_env_file(text: str) -> list[str]:
    """The settings an example of ``.env`` names, set or commented out."""
    return re.findall(rf'^#?({NAME.pattern})=', text, re.MULTILINE)


def routes_in_table(text: str) -> set[tuple[str, str]]:
    """Method and path of each route an ARCHITECTURE lists; without a method it is GET.

    ``<token>`` and ``{token}`` are the same, and a query does not count.
    """
    found = [ROUTE.fullmatch(code) for cell in first_cells(text, 'routes') for code in coded(cell)]
    return {(method, _path(m[2])) for m in found if m for method in (m[1] or 'GET').split('/')}


def _path(written: str) -> str:
    return re.sub(r'<(\w+)>', r'{\1}', written.partition('?')[0])


def commands(text: str) -> list[str]:
    """The lines of all fenced shell blocks, and one-line code that starts like a command of ours."""
    blocks: list[str] = re.findall(
        r'^```(?:sh|bash|shell|console)?\n(.*?)^```', text, re.MULTILINE | re.DOTALL
    )
    lines = [line.strip().removeprefix('$ ') for block in blocks for line in block.splitlines()]
    return lines + [code for code in coded(text) if re.match(r'make |(\S*/)?python\S* main\.py', code)]


def make_targets(text: str) -> set[str]:
    """The targets of a Makefile."""
    return set(re.findall(r'^([a-z][a-z0-9-]*):', text, re.MULTILINE))


def links(text: str) -> set[str]:
    """Files of the repository that a paper links to or shows, without fragments."""
    targets = re.findall(r'\]\(([^)\s]+)\)|(?:src|href)="([^"]+)"', text)
    found = {(a or b).partition('#')[0] for a, b in targets}
    return {target for target in found if target and '://' not in target and not target.startswith('mailto:')}
