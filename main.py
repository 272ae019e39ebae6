"""The command line: read the settings, then run one command."""

import argparse
import os
import signal
import sys
from pathlib import Path

from services import site
from services.commands import backup, demo, restore, serve
from services.database.backup import BackupRefused
from services.settings import Settings, SettingsError, load
from services.site import SiteProblem
from ui.server import start

MISCONFIGURED = 2  # exit code


def main(arguments: list[str]) -> None:
    """Run one command; when it is refused, print every problem and exit with code 2."""
    # After a graceful shutdown uvicorn raises SIGTERM again; that is a success.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    given = _parser().parse_args(arguments)
    try:
        match given.command:
            case 'demo':
                demo.run(os.environ, start=start)
            case 'backup':
                backup.run(_settings(), given.file)
            case 'restore':
                restore.run(_settings(), given.file)
            case _:
                serve.run(_settings(), start=start)
    except (SettingsError, SiteProblem, BackupRefused) as error:
        print(f'Paidslot cannot {given.action}:', *(f'  - {problem}' for problem in error.problems), sep='\n')
        if given.command == 'serve':
            print('To look around without any account: make demo')
        sys.exit(MISCONFIGURED)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='main.py', description='Sell an hour, take the money, give the slot.'
    )
    commands = parser.add_subparsers(dest='command', metavar='[COMMAND]', title='commands')
    parser.set_defaults(command='serve', action='start')
    commands.add_parser('serve', help='run the shop with the settings of .env and environment (the default)')
    commands.add_parser('demo', help='run the shop on this machine against a sandbox of Stripe and Calendly')
    copy = commands.add_parser('backup', help='copy the orders into FILE, also while the shop is running')
    replace = commands.add_parser('restore', help='replace the orders by a backup, while the shop is stopped')
    for command, action in ((copy, 'back up'), (replace, 'restore')):
        command.add_argument('file', type=Path, metavar='FILE')
        command.set_defaults(action=action)
    return parser


def _settings() -> Settings:
    """Read the settings; when they are refused, name the problems of the site's texts in the same list."""
    try:
        return load(os.environ, Path('.env'))
    except SettingsError as error:
        try:
            site.load(error.site_file)
        except SiteProblem as texts:
            raise SettingsError(error.problems + texts.problems) from error
        raise


if __name__ in {'__main__', '__mp_main__'}:
    main(sys.argv[1:])
