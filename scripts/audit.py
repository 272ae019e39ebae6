"""Asks the package index whether a pinned package has a known hole: ``python scripts/audit.py [--strict]``.

A hole is exit code 1. Where nobody answers, as without a network, it says so and lets the other checks count;
with ``--strict`` that is exit code 2.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

PINNED = [Path(__file__).parents[1] / 'requirements' / f'{name}.txt' for name in ('runtime', 'dev')]
PROBE = 'nicegui'
UNANSWERED = 'NOT AUDITED: the package index does not tell known holes of {}.'
Report = list[dict[str, Any]]


def main(arguments: list[str]) -> int:
    """Ask about one package first, then about all."""
    with tempfile.TemporaryDirectory() as folder:
        report = ask([probe(Path(folder))])
    if not unanswered(report):
        report = ask(PINNED)
    found, silent = holes(report), unanswered(report)
    for line in found:
        print(line)
    if silent:
        print(UNANSWERED.format(', '.join(silent)))
    else:
        print(f'{len(report)} pinned packages asked about, {len(found)} known holes')
    return 1 if found else 2 if silent and '--strict' in arguments else 0


def ask(files: list[Path]) -> Report:
    """What pip-audit finds out about files of pinned requirements; nothing when it cannot finish."""
    options = ['--format=json', '--progress-spinner=off', '--disable-pip', '--require-hashes']
    command = [sys.executable, '-m', 'pip_audit', *options, *(f'--requirement={file}' for file in files)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        report: Report = json.loads(done.stdout)['dependencies']
    except ValueError:
        print(done.stderr.strip().rpartition('\n')[2], file=sys.stderr)
        return []
    return report


def holes(report: Report) -> list[str]:
    """A line for each known hole."""
    found = [(package, hole) for package in report for hole in package.get('vulns', ())]
    return [
        f'{package["name"]} {package["version"]}: {hole["id"]}, fixed in {", ".join(hole["fix_versions"])}'
        for package, hole in found
    ]


def unanswered(report: Report) -> list[str]:
    """The packages that nothing was said about; any, when there was no answer at all."""
    return [package['name'] for package in report if 'skip_reason' in package] or (
        [] if report else ['any of them']
    )


def probe(folder: Path) -> Path:
    """Write down one of the pinned requirements."""
    entry = re.search(rf'^{PROBE}==(?:.*\\\n)*.*$', PINNED[0].read_text(), re.MULTILINE)
    assert entry, f'{PROBE} is not pinned'
    file = folder / 'requirements.txt'
    file.write_text(entry[0] + '\n')
    return file


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
