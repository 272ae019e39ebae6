"""The key of Stripe: is it accepted, which mode is it of, and does it have each right that the shop needs."""

import asyncio

from services.check.finding import Finding, of_health, ok, warning, wrong
from services.errors import PaymentsUnavailable
from services.health import check_stripe_key
from services.payments import FOR_BUTTONS, PERMISSIONS, Payments, create_key_url
from services.settings import Settings

PART = 'stripe key'
MODES = {
    'demo': 'a key of the demo: no money moves',
    'test': 'a test key: no money moves',
    'live': 'a live key: real money',
}
IN_THE_DASHBOARD = 'Stripe Dashboard > Developers > API keys > your key > Edit key'
OTHERS = {'plan_read'}  # reading the price is a part of its own
ACTIVATE = (
    'Stripe Dashboard > Settings > Business: finish what Stripe asks for. Until then no customer can pay '
    'with a live key.'
)
TEST_SALES = (
    'With a public DOMAIN and a test key no calendar opens. For real sales set STRIPE_SECRET_KEY to a live '
    'key (Stripe Dashboard > Developers > API keys).'
)


async def check_key(settings: Settings, payments: Payments) -> tuple[list[Finding], bool]:
    """Check the key; return what was found, and whether Stripe accepts the key.

    Raises:
        ShopError: Stripe does not answer.
    """
    try:
        is_enabled = await payments.probes.charges_enabled()
    except PaymentsUnavailable:
        return [of_health(PART, await check_stripe_key((), is_refused=True), '')], False
    found = [ok(PART, f'Stripe accepts it; it is {MODES[settings.mode]}')]
    if not settings.selling:
        found.append(warning(PART, 'a test key on a public DOMAIN: payments are not real', TEST_SALES))
    if is_enabled is False:
        make = wrong if settings.mode == 'live' else warning
        found.append(make(PART, 'Stripe does not let this account take real payments yet', ACTIVATE))
    return [*found, *await _permissions(settings, payments)], True


async def _permissions(settings: Settings, payments: Payments) -> list[Finding]:
    if settings.stripe_secret_key.startswith('sk_'):
        return [ok(PART, 'it is a secret key, which may do everything')]
    needed = [
        slug for slug in PERMISSIONS if slug not in OTHERS and (slug != 'invoice_read' or settings.invoices)
    ]
    buttons = list(FOR_BUTTONS) if settings.admin_password else []
    wanted = [*needed, *buttons]
    answers = await asyncio.gather(*(payments.probes.has_permission(slug) for slug in wanted))
    found = [_of(slug, answer) for slug, answer in zip(wanted, answers, strict=True) if not answer]
    if not found:
        return [ok(PART, f'it has each of the {len(wanted)} permissions that the shop uses')]
    form = create_key_url(for_buttons=bool(buttons), test=settings.mode == 'test')
    return [*found, ok(PART, 'or make a new key: in this form everything is ticked', form)]


def _of(slug: str, answer: bool | None) -> Finding:
    row, use = {**PERMISSIONS, **FOR_BUTTONS}[slug]
    if answer is None:
        text = f'whether it has the permission "{row}" is not known: Stripe did not say'
        return warning(PART, text, f'Look: {IN_THE_DASHBOARD}.')
    level = warning if slug in FOR_BUTTONS else wrong
    text = f'it lacks the permission "{row}" (rak_{slug}): the shop cannot {use}'
    return level(PART, text, f'{IN_THE_DASHBOARD}: set "{row}".')
