"""``main.py forget WHO``: erase a customer, after showing what that means; also while the shop is running."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime

from services import site
from services.admin.forget import Forget, ForgetPlan
from services.commands.refused import CommandRefused
from services.ledger import Ledger, connect
from services.settings import Settings

ACTOR = 'command line'
WORD = 'erase'
ASK = f'This cannot be undone. Type "{WORD}" to go on: '
NOTHING = 'Nothing is known of {}, or it was erased already.'


def run(settings: Settings, who: str, *, yes: bool) -> None:
    """Show what would be erased, ask, and erase it.

    Args:
        settings: say where the ledger and the texts of the site are.
        who: an e-mail address, or the reference of an order.
        yes: do not ask.

    Raises:
        CommandRefused: there is something, and it cannot be erased yet.
        SettingsError: the database cannot be used.
    """
    texts = site.load(settings.site_file)
    asyncio.run(_run(settings, who, keep_months=texts.privacy.keep_months, yes=yes))


async def _run(settings: Settings, who: str, *, keep_months: int, yes: bool) -> None:
    def clock() -> datetime:
        return datetime.now(UTC)

    ledger = Ledger(connect(settings.database_url), clock)
    await ledger.store.open_existing()
    try:
        forget = Forget(ledger, keep_months=keep_months, clock=clock)
        plan = await forget.plan(who)
        if plan.erases_nothing and plan.kept:
            raise CommandRefused(*(f'order {order.reference}: {order.why}.' for order in plan.kept))
        if plan.erases_nothing:
            print(NOTHING.format(who))
            return
        print('\n'.join(_words(plan)))
        if not yes and not await asyncio.to_thread(_agrees):
            print('Nothing was erased.')
            return
        await forget.carry_out(who, actor=ACTOR)
        print('Erased.')
    finally:
        await ledger.close()


def _agrees() -> bool:
    try:
        return input(ASK).strip() == WORD
    except EOFError:  # nobody is there to ask
        return False


def _words(plan: ForgetPlan) -> Iterator[str]:
    """Say what is erased, what stays, and what must be done elsewhere."""
    yield 'To be erased: name, e-mail address, telephone number, links and texts about the person of'
    for order in plan.orders:
        yield f'  - order {order.reference} of {order.created_at:%Y-%m-%d}, {order.state}, {order.paid}'
    if plan.traces.count:
        yield f'  - {plan.traces.count} other places where the address stands: bookings, mails, texts'
    yield 'Amounts, dates, references and the ids of Stripe stay.'
    for kept in plan.kept:
        yield f'Not yet: order {kept.reference}: {kept.why}.'
    yield 'What this shop cannot erase:'
    for place in plan.elsewhere:
        yield f'  - {place}'
