"""The command line: read the settings, then run one command."""

import argparse
import os
import signal
import sys
from pathlib import Path

MISCONFIGURED = 2  # exit code
if sys.version_info < (3, 11):  # noqa: UP036  # an older Python must say so in words
    print('Paidslot cannot start: it needs Python 3.11 or newer, and this is', sys.version.split()[0])
    sys.exit(MISCONFIGURED)

try:
    from services import site
    from services.admin.export import Form, Subject
    from services.commands import backup, check, demo, export, forget, rehearse, restore, serve, set_up
    from services.commands.refused import CommandRefused
    from services.database.backup import BackupRefused
    from services.ledger import read_kept_settings
    from services.set_up import no_settings
    from services.settings import (
        Settings,
        SettingsError,
        env_file,
        find_value,
        how_to_run,
        load,
        problem_of,
        texts,
        warnings,
    )
    from services.site import SiteProblem
    from ui.server import start
    from ui.set_up.server import serve as serve_set_up
except ModuleNotFoundError as error:
    if (error.name or '').partition('.')[0] in ('services', 'ui'):
        raise
    print(f'Paidslot cannot start: {sys.executable} does not have the package {error.name}.')
    print('Run `make setup` once. Then `make run` starts the shop, and so does `.venv/bin/python main.py`.')
    sys.exit(MISCONFIGURED)


def main(arguments: list[str]) -> None:
    """Run one command; when it is refused, print every problem and exit with code 2."""
    # After a graceful shutdown uvicorn raises SIGTERM again; that is a success.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    given = _parser().parse_args(arguments)
    try:
        _run(given)
    except KeyboardInterrupt:  # Ctrl-C, which uvicorn raises again after a graceful shutdown
        sys.exit()
    except (SettingsError, SiteProblem, BackupRefused, CommandRefused) as error:
        print(f'Paidslot cannot {given.action}:', *(f'  - {problem}' for problem in error.problems), sep='\n')
        if given.command == 'serve':
            print('To look around without any account:', how_to_run('demo'))
        sys.exit(MISCONFIGURED)


def _run(given: argparse.Namespace) -> None:
    if given.command == 'demo':
        demo.run(os.environ, start=start, filled=given.filled)
    elif given.command == 'backup':
        backup.run(_database_url(), given.file)
    elif given.command == 'restore':
        restore.run(_database_url(), given.file)
    elif given.command == 'export':
        period = {'first': given.first, 'last': given.last}
        export.run(_settings(), given.subject, given.form, **period, output=given.output)
    elif given.command == 'forget':
        forget.run(_settings(), given.who, yes=given.yes)
    elif given.command == 'rehearse':
        how = {'as_json': given.json, 'with_test_keys': given.with_test_keys}
        rehearse.run(os.environ, start=start, **how)
    elif given.command == 'check':
        sys.exit(check.run(os.environ, as_json=given.as_json, mail_to=given.mail))
    elif given.command == 'setup':
        set_up.run(os.environ, env_file(os.environ), undo=given.undo, yes=given.yes)
    elif _has_settings():
        serve.run(_settings(), start=start, warnings=warnings(os.environ, env_file(os.environ)))


def _has_settings() -> bool:
    """Whether there are settings; where there are none, the set-up is served until it has written them."""
    path = env_file(os.environ)
    return not no_settings(os.environ, path) or serve_set_up(os.environ, path)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='main.py', description='Sell an hour, take the money, give the slot.'
    )
    commands = parser.add_subparsers(dest='command', metavar='[COMMAND]', title='commands')
    parser.set_defaults(command='serve', action='start')
    commands.add_parser('serve', help='run the shop with the settings of .env and environment (the default)')
    trial = commands.add_parser(
        'demo', help='run the shop on this machine against a sandbox of Stripe and Calendly'
    )
    trial.add_argument('--filled', action='store_true', help='begin with three months of made-up orders')
    copy = commands.add_parser('backup', help='copy the orders into FILE, also while the shop is running')
    replace = commands.add_parser('restore', help='replace the orders by a backup, while the shop is stopped')
    for command, action in ((copy, 'back up'), (replace, 'restore')):
        command.add_argument('file', type=Path, metavar='FILE')
        command.set_defaults(action=action)
    _add_export(commands.add_parser('export', help='write orders, bookings or journal as CSV or JSON'))
    trial_run = commands.add_parser('rehearse', help="walk an order's whole life, and say what works")
    trial_run.add_argument('--json', action='store_true', help='print one line of JSON')
    trial_run.add_argument(
        '--with-test-keys', action='store_true', help="also at Stripe's test mode and your Calendly"
    )
    trial_run.set_defaults(action='rehearse')
    examine = commands.add_parser(
        'check', help='say what is right and what is wrong, also while the shop runs'
    )
    examine.add_argument('--json', dest='as_json', action='store_true', help='print one JSON document')
    examine.add_argument('--mail', metavar='ADDRESS', default='', help='send one test mail to ADDRESS')
    examine.set_defaults(action='check')
    erase = commands.add_parser('forget', help='erase a customer, after showing what that means')
    erase.add_argument('who', metavar='WHO', help='an e-mail address, or the reference of an order')
    erase.add_argument('--yes', action='store_true', help='do not ask')
    erase.set_defaults(action='forget')
    steps = commands.add_parser('setup', help='ask for the keys, make the webhooks, write the settings')
    steps.add_argument(
        '--yes', action='store_true', help='write the settings without asking, unless a webhook is deleted'
    )
    steps.add_argument('--undo', action='store_true', help='delete the webhooks that `setup` has made')
    steps.set_defaults(action='set up')
    return parser


def _add_export(command: argparse.ArgumentParser) -> None:
    command.add_argument('subject', type=Subject, choices=list(Subject), help='what to write')
    command.add_argument(
        '--format', dest='form', type=Form, choices=list(Form), default=Form.CSV, help='csv or json'
    )
    for option, name, words in (
        ('--from', 'first', 'the first day in UTC, such as 2026-11-01'),
        ('--to', 'last', 'the last day, included'),
    ):
        command.add_argument(option, dest=name, metavar='DAY', default='', help=words)
    command.add_argument('--output', type=Path, metavar='FILE', help='a new file; else the standard output')
    command.set_defaults(action='export')


def _database_url() -> str:
    """Read where the orders are; the other settings may be lost, and stand in the backup."""
    values = texts(os.environ, env_file(os.environ))
    if problem := problem_of('DATABASE_URL', values):
        raise SettingsError([problem])
    return str(find_value('DATABASE_URL', values))


def _settings() -> Settings:
    """Read the settings; a refusal also names problems of the site's texts, and names that look mistaken."""
    path = env_file(os.environ)
    try:
        return load(os.environ, path, kept=read_kept_settings)
    except SettingsError as error:
        problems = error.problems + warnings(os.environ, path)
        try:
            site.load(error.site_file, live=error.live)
        except SiteProblem as texts:
            problems += texts.problems
        raise SettingsError(problems) from error


if __name__ in {'__main__', '__mp_main__'}:
    main(sys.argv[1:])
