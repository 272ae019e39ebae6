"""Environment and ``.env`` read once and judged all at once."""

import ipaddress
import re
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values

from services.settings import database_url
from services.settings.model import DEFAULT_PORT, NAMES, SEED_SITE, WHERE, Settings, SettingsError
from services.settings.urls import CALENDLY_HOST, is_calendly, names_of, split


def load(environ: Mapping[str, str], env_file: Path) -> Settings:
    """Read the settings from a ``.env`` file and the environment, which wins.

    Raises:
        SettingsError: with every problem found.
    """
    try:
        from_file = dotenv_values(env_file, encoding='utf-8-sig', interpolate=False)
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError([f'{env_file} cannot be read as UTF-8 text: {type(error).__name__}']) from error
    given = {name: value or '' for name, value in from_file.items()}
    return parse_settings({**given, **environ})


def parse_settings(values: Mapping[str, str]) -> Settings:
    """Turn raw values into settings.

    Raises:
        SettingsError: with every problem found.
    """
    judge_ = _Judge(values)
    settings = judge_.settings()
    if judge_.problems:
        raise SettingsError(judge_.problems, site_file=settings.site_file)
    return settings


class _Judge:
    """Collects every problem instead of stopping at the first."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = {name: _unquoted(values.get(name, '')) for name in NAMES}
        self.problems: list[str] = []

    def settings(self) -> Settings:
        domain = self._base('DOMAIN') or f'http://localhost:{DEFAULT_PORT}'
        key = self._key('STRIPE_SECRET_KEY', r'(sk|rk)_(test|live)_[\w-]+', required=True)
        live = key.split('_')[1:2] == ['live']
        settings = Settings(
            stripe_secret_key=key,
            stripe_publishable_key=self._publishable(live=live),
            stripe_js=self._switch('STRIPE_JS', default=True),
            stripe_price_id=self._key('STRIPE_PRICE_ID', r'price_[\w-]+', required=True),
            stripe_webhook_secret=self._key('STRIPE_WEBHOOK_SECRET', r'whsec_\S+', required=live),
            calendly_link=self._calendly_link(),
            calendly_token=self._key('CALENDLY_TOKEN', r'\S+'),
            calendly_webhook_signing_key=self._key('CALENDLY_WEBHOOK_SIGNING_KEY', r'\S+'),
            domain=domain,
            host=self._values['HOST'] or '0.0.0.0',
            port=self._port(domain),
            database_url=self._database() or 'sqlite:///data/paidslot.db',
            site_file=Path(self._values['SITE_FILE']) if self._values['SITE_FILE'] else SEED_SITE,
            mode='live' if live else 'test',
            checkout_host=self._key('CHECKOUT_HOST', r'[A-Za-z0-9.-]+').lower(),
            stripe_api_base=self._base('STRIPE_API_BASE', path=True),
            calendly_api_base=self._base('CALENDLY_API_BASE', path=True),
            allow_test_sales=self._switch('ALLOW_TEST_SALES'),
            promotion_codes=self._switch('PROMOTION_CODES'),
            automatic_tax=self._switch('AUTOMATIC_TAX'),
            reconcile_seconds=self._number('RECONCILE_SECONDS', 60, most=3600),
            trusted_proxies=self._networks('TRUSTED_PROXIES') or '127.0.0.1',
            log_format=self._choice('LOG_FORMAT', 'text', 'json'),
            log_level=self._choice('LOG_LEVEL', 'info', 'debug', 'warning', 'error'),
        )
        if live:
            self._refuse_unsafe(settings)
        return settings

    def _refuse_unsafe(self, settings: Settings) -> None:
        if not settings.https:
            self._complain('DOMAIN', 'must begin with https:// when the Stripe key is live')
        for name in ('STRIPE_API_BASE', 'CALENDLY_API_BASE'):
            if self._values[name]:
                self._complain(name, 'must not be set together with a live Stripe key')

    def _complain(self, name: str, wrong: str) -> None:
        self.problems.append(f'{name} {wrong}. Where to find it: {WHERE[name]}.')

    def _key(self, name: str, pattern: str, *, required: bool = False) -> str:
        value = self._values[name]
        if not value and required:
            self._complain(name, 'is missing')
        if value and not re.fullmatch(pattern, value):
            self._complain(name, f'does not look right{_mistaken_for(value, pattern)}')
        return value

    def _publishable(self, *, live: bool) -> str:
        value = self._key('STRIPE_PUBLISHABLE_KEY', r'pk_(test|live)_[\w-]+')
        if value.startswith('pk_') and self._values['STRIPE_SECRET_KEY'] and (value[3:7] == 'live') != live:
            wrong = 'and STRIPE_SECRET_KEY must both be test keys or both be live keys'
            self._complain('STRIPE_PUBLISHABLE_KEY', wrong)
        return value

    def _calendly_link(self) -> str:
        value = self._values['CALENDLY_LINK']
        url = split(value)
        if not value:
            self._complain('CALENDLY_LINK', 'is missing')
        elif url is None:
            self._complain('CALENDLY_LINK', f'must begin with https://{CALENDLY_HOST}/')
        elif not url.path.strip('/'):
            self._complain('CALENDLY_LINK', 'is not the address of an event type')
        elif url.hostname not in names_of(self._values['CALENDLY_API_BASE']) and not is_calendly(value):
            self._complain('CALENDLY_LINK', f'must begin with https://{CALENDLY_HOST}/')
        return value

    def _database(self) -> str:
        value = self._values['DATABASE_URL']
        if wrong := database_url.problem_of(value):
            self._complain('DATABASE_URL', wrong)
        return database_url.normal(value)

    def _base(self, name: str, *, path: bool = False) -> str:
        value = self._values[name].rstrip('/')
        url = split(value)
        if value and url is None:
            self._complain(name, 'must be an address that begins with https:// or http://')
        elif url and (url.query or url.fragment or url.username or (url.path and not path)):
            self._complain(name, 'must be a bare address: scheme, host and port, nothing behind them')
        return value

    def _port(self, domain: str) -> int:
        url = split(domain)
        value = self._values['PORT'] or str((url.port if url else None) or DEFAULT_PORT)
        if not value.isdecimal() or not 0 < int(value) < 65536:
            self._complain('PORT', 'is not a port number')
            return DEFAULT_PORT
        return int(value)

    def _number(self, name: str, default: int, *, most: int) -> int:
        value = self._values[name] or str(default)
        if not re.fullmatch(r'[0-9]{1,9}', value) or not 1 <= int(value) <= most:
            self._complain(name, f'must be a whole number from 1 to {most}')
            return default
        return int(value)

    def _switch(self, name: str, *, default: bool = False) -> bool:
        value = self._values[name].lower() or ('1' if default else '0')
        if value not in ('0', '1', 'no', 'yes', 'off', 'on', 'false', 'true'):
            self._complain(name, 'must be 1 or 0')
        return value in ('1', 'yes', 'on', 'true')

    def _networks(self, name: str) -> str:
        parts = [part.strip() for part in self._values[name].split(',') if part.strip()]
        try:
            for part in parts:
                ipaddress.ip_network(part)
        except ValueError:
            self._complain(name, 'must be addresses or networks, with commas in between')
        return ','.join(parts)

    def _choice(self, name: str, default: str, *others: str) -> str:
        value = self._values[name].lower() or default
        if value not in (default, *others):
            self._complain(name, f'must be one of {", ".join((default, *others))}')
        return value


def _unquoted(value: str) -> str:
    """Drop what slips in by copying: white space, a byte order mark, one pair of quotes."""
    value = value.strip().strip('\ufeff').strip()
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in '\'"'
    return value[1:-1].strip() if quoted else value


def _mistaken_for(value: str, pattern: str) -> str:
    """Name what a value seems to be, by its public prefix only, unless that is what was wanted."""
    kinds = {'sk_': 'a secret key', 'rk_': 'a restricted key', 'pk_': 'a publishable key'}
    kinds |= {'prod_': 'a product id', 'price_': 'a price id', 'whsec_': 'a webhook secret'}
    start = next((start for start in kinds if value.startswith(start)), '')
    if start and start.rstrip('_') in re.split(r'\W|_', pattern):
        return ': it has a character in it, or lacks one, as no such value does'
    return f' (it seems to be {kinds[start]})' if start else ''
