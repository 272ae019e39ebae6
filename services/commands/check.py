"""``main.py check``: say what is right and what is wrong with the set-up, also while the shop runs."""

import json
import logging
import sys
from collections.abc import Mapping
from dataclasses import asdict

from services.check import Finding, Level, check, has_wrong, summary
from services.commands.stoppable import run_stoppable

WRONG = 1  # exit code
SIGNS = {Level.OK: 'ok', Level.WARNING: 'warning', Level.WRONG: 'WRONG'}
WIDTH = max(map(len, SIGNS.values()))


def run(environ: Mapping[str, str], *, as_json: bool, mail_to: str) -> int:
    """Check everything and print it; return the exit code: 1 if anything is wrong or was not checked, else 0.

    Args:
        environ: the process environment.
        as_json: print one JSON document at the end instead of a line for each thing.
        mail_to: who gets a test mail, '' for nobody.
    """
    on_finding = _ignore if as_json else _Printer().show
    if not as_json:
        print('Checking; this takes some seconds.', flush=True)
    logging.disable(logging.CRITICAL)  # what the log would say is a finding
    try:
        found = run_stoppable(check(environ, on_finding=on_finding, mail_to=mail_to))
    except KeyboardInterrupt:
        print('\nStopped before its end.', file=sys.stderr)
        return WRONG
    finally:
        logging.disable(logging.NOTSET)
    code = WRONG if has_wrong(found) else 0
    if as_json:
        print(json.dumps({'ok': not code, 'findings': [asdict(each) for each in found]}, indent=2))
    else:
        print(f'\n{summary(found)}')
    return code


class _Printer:
    """Prints findings as they come, with a heading where another part begins."""

    def __init__(self) -> None:
        self._part = ''

    def show(self, finding: Finding) -> None:
        """Print one finding."""
        if finding.part != self._part:
            print(f'\n{finding.part}')
            self._part = finding.part
        # What works and has a remedy all the same, only a person can see.
        sign = 'note' if finding.level is Level.OK and finding.remedy else SIGNS[finding.level]
        print(f'  {sign:<{WIDTH}}  {finding.text}', flush=True)
        if finding.remedy:
            print(f'  {"":<{WIDTH}}  → {finding.remedy}', flush=True)


def _ignore(_finding: Finding) -> None:
    """Print nothing yet."""
