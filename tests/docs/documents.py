"""What the documents say: tables, commands and links, read from Markdown and the Makefile."""

import re
from pathlib import Path

from services.settings.table import SETTINGS, Group, Setting

ROOT = Path(__file__).resolve().parents[2]
ROUTE = re.compile(r'(?:((?:[A-Z]+/)*[A-Z]+) )?(/\S*)')


def read(name: str) -> str:
    """Return the text of a file, by its path from the top of the repository."""
    return (ROOT / name).read_text(encoding='utf-8')


def guides() -> list[str]:
    """Return the paths of the guides for operators."""
    return sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / 'docs').glob('*.md'))


def rows_of(text: str, heading: str) -> list[list[str]]:
    """The cells of every table row in the section whose heading holds a word."""
    rows: list[list[str]] = []
    inside = False
    for line in text.splitlines():
        if line.startswith('#'):
            inside = heading.lower() in line.lower()
        elif inside and line.startswith('|'):
            rows.append([cell.strip() for cell in line.strip('|').split('|')])
    return rows


def coded(text: str) -> list[str]:
    """Return everything between single backticks, in order."""
    return re.findall(r'`([^`\n]+)`', text)


def settings_table(text: str) -> dict[str, tuple[str, str]]:
    """Each setting in a README's table, with its columns "needed" and "meaning"."""
    rows = [row for row in rows_of(text, 'settings') if '`' in row[0]]
    return {name: (row[1], row[2]) for row in rows for name in coded(row[0])}


def env_example() -> str:
    """Return ``.env.example`` as the table of settings has it."""
    lines = [
        '# Copy this file to .env, fill in the first part, and start with `make run`.',
        '# A line that begins with # is not read. A value in the environment wins over this file.',
    ]
    for group in dict.fromkeys(row.group for row in SETTINGS):
        lines += ['', f'# ---- {group} '.ljust(98, '-')]
        for row in SETTINGS:
            lines += _env_lines(row) if row.group is group else []
    return '\n'.join(lines) + '\n'


def _env_lines(row: Setting) -> list[str]:
    off = '#' if row.group is Group.RARE else ''
    return [
        f'# {row.help}',
        f'# Where to find it: {row.where}',
        f'{off}{row.name}={row.example or row.default}',
    ]


def routes_in_table(text: str) -> set[tuple[str, str]]:
    """Method and path of each route an ARCHITECTURE lists; without a method it is GET.

    ``<token>`` and ``{token}`` are the same, and a query does not count.
    """
    found = [ROUTE.fullmatch(code) for row in rows_of(text, 'routes') for code in coded(row[0])]
    return {(method, _path(m[2])) for m in found if m for method in (m[1] or 'GET').split('/')}


def _path(written: str) -> str:
    return re.sub(r'<(\w+)>', r'{\1}', written.partition('?')[0])


def events_to_select(text: str) -> list[str]:
    """Return the event types that a README lists after "Select these events"."""
    listed = text.partition('Select these events:')[2].lstrip('\n').partition('\n\n')[0]
    return coded(listed)


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
    """Files of the repository that a document links to or shows, without fragments."""
    targets = re.findall(r'\]\(([^)\s]+)\)|(?:src|href)="([^"]+)"', text)
    found = {(a or b).partition('#')[0] for a, b in targets}
    return {target for target in found if target and '://' not in target and not target.startswith('mailto:')}
