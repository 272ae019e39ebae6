"""``main.py rehearse``: walk an order's whole life, and say of each hop whether it works.

Against the sandbox it rehearses this shop: its texts, and its settings that name no vendor. The orders are in
a database that is deleted at the end.
"""

import asyncio
import json
import secrets
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol

import httpx
from starlette.types import ASGIApp

from services import logs, site
from services.commands.demo import HOST, HOSTS
from services.commands.free_port import free_port
from services.commands.refused import CommandRefused
from services.commands.stoppable import run_stoppable
from services.commands.temporary_folder import temporary_folder
from services.errors import LedgerUnavailable
from services.ledger import Ledger, connect, read_kept_settings
from services.rehearsal import Hop, OrderLife, VendorLife, has_failed, line_of, to_json
from services.settings import Settings, SettingsError, env_file, find_value, parse_settings, texts
from services.shop import Shop, build
from services.texts import TRIED

OWN = ('SITE_FILE', 'PROMOTION_CODES', 'AUTOMATIC_TAX', 'SLOW_METHODS', 'TERMS_CONSENT', 'INVOICES')
"""The operator's settings that are used: those that name no vendor, no address and no database."""
VENDORS = "With your test keys: at Stripe's test mode, and at your Calendly. No order is written."
LIVE = (
    'STRIPE_SECRET_KEY is a live key, and a rehearsal would move real money. Use test keys, or leave out '
    '--with-test-keys: the sandbox needs no key.'
)
FAILED = 1  # exit code
SANDBOX = 'Against the sandbox: your texts and pages, with Stripe, Calendly and the mail server simulated.'


class Start(Protocol):
    """Runs the web server."""

    def __call__(
        self, shop: Shop, *, sandbox: ASGIApp, hosts: Sequence[str], beside: Callable[[], Awaitable[None]]
    ) -> None:
        """Serve the shop, and the sandbox under /sandbox, until ``beside`` has ended."""


def run(
    environ: Mapping[str, str], *, start: Start, as_json: bool = False, with_test_keys: bool = False
) -> None:
    """Rehearse, and end the process: with exit code 0, or 1 if a hop has failed or not all were tried.

    Args:
        environ: the process environment.
        start: runs the web server.
        as_json: print one line of JSON instead of lines for people.
        with_test_keys: then also walk what is possible at Stripe's test mode and the operator's Calendly.

    Raises:
        CommandRefused: the keys are live.
        SettingsError: one of the settings that are used is wrong.
        SiteProblem: the texts of the site cannot be read.
    """
    values = texts(environ, env_file(environ), read_kept_settings)
    settings = settings_with_test_keys(values) if with_test_keys else None
    logs.set_up(form='text', level='critical')  # the lines of the hops say what is wrong
    hops: list[Hop] = []

    def tell(hop: Hop) -> None:
        hops.append(hop)
        if not as_json:
            print(line_of(hop), flush=True)

    def head(line: str) -> None:
        if not as_json:
            print(line, flush=True)

    try:
        head(SANDBOX)
        rehearse_at_sandbox(values, start=start, on_hop=tell)
        if settings:
            head(VENDORS)
            run_stoppable(rehearse_at_vendors(settings, on_hop=tell))
        is_complete = True
    except (KeyboardInterrupt, SystemExit):  # Ctrl-C and SIGTERM, which uvicorn raises again at its end
        is_complete = False
    is_ok = is_complete and not has_failed(hops)
    if as_json:
        print(json.dumps({'ok': is_ok, 'hops': json.loads(to_json(hops))}))
    sys.exit(0 if is_ok else FAILED)


def settings_with_test_keys(values: Mapping[str, str]) -> Settings:
    """Return the operator's settings, if their keys are test keys.

    Raises:
        CommandRefused: they are live.
        SettingsError: the settings are wrong.
    """
    settings = parse_settings(values)
    if settings.mode == 'live':
        raise CommandRefused(LIVE)
    return settings


async def rehearse_at_vendors(settings: Settings, *, on_hop: Callable[[Hop], object]) -> None:
    """Walk what is possible with the operator's test keys and Calendly token, beside the running shop.

    Args:
        settings: the operator's.
        on_hop: called with each hop as it ends.
    """
    shop = build(settings)
    try:
        await shop.ledger.store.open_existing()
        life = VendorLife(
            settings,
            shop.site.offer,
            payments=shop.payments,
            scheduling=shop.scheduling,
            ledger=shop.ledger,
            clock=lambda: datetime.now(UTC),
        )
        await life.walk(on_hop=on_hop)
    finally:
        await shop.payments.close()
        await shop.scheduling.close()
        await shop.ledger.close()


async def copy_texts(source_url: str, target_url: str) -> None:
    """Copy the texts that were published in the admin, so that what customers read is rehearsed.

    Args:
        source_url: the database of the operator; there may be none yet.
        target_url: the database of the rehearsal.
    """
    source, target = (Ledger(connect(url), lambda: datetime.now(UTC)) for url in (source_url, target_url))
    try:
        with suppress(SettingsError, LedgerUnavailable):
            await source.store.open_existing()
            published = await source.site_versions.published(limit=TRIED)
            await target.open()
            for seen, version in enumerate(reversed(published)):
                words = {'file_digest': version.file_digest, 'actor': version.actor}
                await target.site_versions.add(seen, version.state, version.toml, **words)
    finally:
        await source.close()
        await target.close()


def rehearse_at_sandbox(values: Mapping[str, str], *, start: Start, on_hop: Callable[[Hop], object]) -> None:
    """Serve a shop and a sandbox on a free port of this machine, and walk an order's life there.

    Args:
        values: the operator's settings, as texts.
        start: runs the web server.
        on_hop: called with each hop as it ends.
    """
    from services.sandbox import SandboxConfig, create_app  # only the demo and the rehearsal load it

    port = free_port(HOST)
    domain = f'http://{HOST}:{port}'
    config = SandboxConfig(
        base=f'{domain}/sandbox',
        stripe_webhook=f'{domain}/webhooks/stripe',
        calendly_webhook=f'{domain}/webhooks/calendly',
        smtp_port=free_port(HOST),
        event_minutes=site.load(find_value('SITE_FILE', values)).offer.minutes,
    )
    password = secrets.token_urlsafe(16)

    async def walk() -> None:
        # Plain http has no certificate, and reading all trusted ones takes long.
        secure = not domain.startswith('http://')
        async with httpx.AsyncClient(trust_env=False, timeout=20, verify=secure) as http:
            life = OrderLife(http, shop=domain, sandbox=config.base, password=password)
            await life.walk(on_hop=on_hop)

    with temporary_folder('rehearsal') as folder:
        own = {name: values[name] for name in OWN if name in values}
        settings = parse_settings(
            config.settings()
            | config.mail_settings()
            | own
            | {
                'DOMAIN': domain,
                'HOST': HOST,
                'DATABASE_URL': f'sqlite:///{folder}/rehearsal.db',
                'ADMIN_PASSWORD': password,
            }
        )
        asyncio.run(copy_texts(find_value('DATABASE_URL', values), settings.database_url))
        start(build(replace(settings, mode='demo')), sandbox=create_app(config), hosts=HOSTS, beside=walk)
