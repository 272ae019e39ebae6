"""The check: everything that must be right before and while the shop sells, a line for each thing."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from typing import Any

from services.check.calendly import check_calendly
from services.check.clock import check_time
from services.check.database import check_database
from services.check.domain import check_domain
from services.check.finding import Finding, Level, has_wrong, summary, warning, wrong
from services.check.mail import check_mail_server
from services.check.not_told import list_unknown
from services.check.payment_page import check_payment_page
from services.check.price import check_price
from services.check.running_shop import list_refused
from services.check.settings import advice, check_texts, read_settings
from services.check.stripe_key import check_key
from services.check.stripe_webhook import check_stripe_webhook
from services.errors import CalendarUnavailable, PaymentUnreachable, ShopError
from services.ledger import Ledger
from services.payments import Payments, build_payments
from services.scheduling import Scheduling, build_scheduling
from services.settings import Settings
from services.site import Site

__all__ = ['Finding', 'Level', 'check', 'check_shop', 'has_wrong', 'list_refused', 'summary']

log = logging.getLogger(__name__)

OnFinding = Callable[[Finding], object]
Part = Coroutine[Any, Any, list[Finding]]
DEADLINE = 60.0  # seconds for each part; its requests have shorter ones of their own
REST = 'the other parts are checked once settings and texts can be used'
AGAIN = 'Check again; if it stays, see the log.'
REACH = {
    'stripe': 'Check that this machine can reach api.stripe.com, and status.stripe.com.',
    'calendly': 'Check that this machine can reach api.calendly.com, and status.calendly.com.',
}


async def check(
    environ: Mapping[str, str], *, on_finding: OnFinding = lambda _: None, mail_to: str = ''
) -> tuple[Finding, ...]:
    """Check a shop by its settings, whether or not it is running. Nothing is changed that is not undone.

    Args:
        environ: the process environment; ``.env`` is read as for a start.
        on_finding: called with each finding as soon as its part is done.
        mail_to: who gets a test mail, '' for nobody.
    """
    first, settings, texts = read_settings(environ)
    if settings is None or texts is None:
        first.append(warning('check', REST, 'Repair what is wrong, then check again.'))
    for finding in first:
        on_finding(finding)
    if settings is None or texts is None:
        return tuple(first)
    scheduling = build_scheduling(settings, lambda: texts)
    calendly = partial(check_calendly, settings, texts, scheduling)
    try:
        rest = await _check_parts(settings, texts, calendly, on_finding=on_finding, mail_to=mail_to)
    finally:
        await scheduling.close()
    return (*first, *rest)


async def check_shop(settings: Settings, texts: Site, scheduling: Scheduling) -> tuple[Finding, ...]:
    """Check the shop that runs in this process.

    Args:
        settings: what it runs with.
        texts: of the site.
        scheduling: its client of Calendly, so that the check keeps Calendly's limit together with the shop.
    """
    first = [*advice(settings), *check_texts(settings, texts)]
    calendly = partial(check_calendly, settings, texts, scheduling)
    return (*first, *await _check_parts(settings, texts, calendly, on_finding=lambda _: None, mail_to=''))


async def _check_parts(
    settings: Settings, texts: Site, calendly: Callable[[], Part], *, on_finding: OnFinding, mail_to: str
) -> tuple[Finding, ...]:
    """Check the database; then everything that waits for others, at the same time."""
    all_found, ledger = await _database(settings)
    for finding in all_found:
        on_finding(finding)
    try:
        parts = [
            _guarded('stripe', _stripe(settings, texts, ledger)),
            _guarded('calendly', calendly()),
            _guarded('domain', _domain(settings, ledger)),
            _guarded('mail', check_mail_server(settings, texts, mail_to=mail_to)),
        ]
        for done in asyncio.as_completed(parts):
            for finding in await done:
                on_finding(finding)
                all_found.append(finding)
    finally:
        if ledger:
            await ledger.close()
    last = list_unknown(settings)
    for finding in last:
        on_finding(finding)
    return (*all_found, *last)


async def _database(settings: Settings) -> tuple[list[Finding], Ledger | None]:
    ledger: Ledger | None = None

    async def run() -> list[Finding]:
        nonlocal ledger
        found, ledger = await check_database(settings)
        return found

    return await _guarded('database', run()), ledger


async def _domain(settings: Settings, ledger: Ledger | None) -> list[Finding]:
    return await check_domain(settings, instance=await ledger.instance() if ledger else '')


async def _guarded(name: str, part: Part) -> list[Finding]:
    """Run a part; what stops it is a finding, so that the others go on."""
    try:
        async with asyncio.timeout(DEADLINE):
            return await part
    except (PaymentUnreachable, CalendarUnavailable, TimeoutError) as error:
        why = error if isinstance(error, ShopError) else 'too slow'
        return [wrong(name, f'{name.capitalize()} does not answer: {why}', REACH.get(name, AGAIN))]
    except ShopError as error:
        return [wrong(name, f'this could not be checked: {error}', AGAIN)]
    except Exception as error:  # whatever it is: the operator must see the other findings
        log.exception('the check of %s failed unexpectedly', name)
        text = f'this check itself failed: {type(error).__name__}'
        return [wrong(name, text, 'Please report it, with the log.')]


async def _stripe(settings: Settings, texts: Site, ledger: Ledger | None) -> list[Finding]:
    payments = build_payments(settings, lambda: texts)
    try:
        found, is_accepted = await check_key(settings, payments)
        if not is_accepted:
            return found + check_time(payments)
        rest = (
            _guarded('stripe', _sale(settings, texts, payments)),
            _guarded('stripe', check_stripe_webhook(settings, payments, ledger)),
        )
        for part in await asyncio.gather(*rest):
            found += part
        return found + check_time(payments)
    finally:
        await payments.close()


async def _sale(settings: Settings, texts: Site, payments: Payments) -> list[Finding]:
    found, price = await check_price(settings, payments)
    return found + (await check_payment_page(settings, texts, payments, price) if price else [])
