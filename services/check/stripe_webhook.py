"""Stripe's deliveries: is an endpoint or event destination registered, and do events arrive."""

from collections.abc import Awaitable, Callable

from services.check.finding import Finding, Level, of_health, ok, warning, wrong
from services.errors import PaymentUnreachable, ShopError
from services.health import check_webhooks
from services.ledger import Arrivals, Ledger, Source
from services.payments import SESSION_EVENTS, Payments, WebhookEndpoint, is_forbidden
from services.settings import Settings
from services.settings.urls import is_public, normalised, split

PART = 'stripe webhook'
PATH = '/webhooks/stripe'
WHERE = 'Stripe Dashboard > Developers > Webhooks'
UNSIGNED = (
    'STRIPE_WEBHOOK_SECRET is not set: the shop accepts no delivery, and learns of a payment when the '
    'customer comes back, or up to a minute later'
)
SIGNING = f'{WHERE} > your endpoint > Signing secret: copy it into STRIPE_WEBHOOK_SECRET and restart.'


async def check_stripe_webhook(
    settings: Settings, payments: Payments, ledger: Ledger | None
) -> list[Finding]:
    """Check the endpoints for this shop's address, and the deliveries in the ledger.

    Args:
        settings: what the operator decided.
        payments: reads the endpoints.
        ledger: has the deliveries; None where it cannot be read.

    Raises:
        ShopError: Stripe does not answer.
    """
    url = settings.domain + PATH
    if not settings.stripe_webhook_secret:
        by_hand = f'{WHERE}: add an endpoint with the URL {url}. {SIGNING}'
        return [warning(PART, UNSIGNED, f'Run `main.py setup`, which makes the endpoint. Or {by_hand}')]
    arrivals = await ledger.deliveries.arrivals(Source.STRIPE) if ledger else None
    reads = payments.endpoints.read_all, payments.endpoints.read_destinations
    lists = [await _readable(read) for read in reads]
    ours = [each for found in lists for each in found or () if _is_at(each, url)]
    if not ours and None in lists:  # it may be in the list that the key may not read
        found = [_unknown(url, arrivals, reads_none=lists == [None, None])]
    else:
        found = _registered(settings, url, ours)
    return [*found, *([await _delivered(arrivals)] if arrivals else [])]


async def _readable(
    read: Callable[[], Awaitable[tuple[WebhookEndpoint, ...]]],
) -> tuple[WebhookEndpoint, ...] | None:
    """Return a list, None if the key may not read it; a list that is not offered to this account is empty."""
    try:
        return await read()
    except PaymentUnreachable:
        raise
    except ShopError as error:
        return None if is_forbidden(error) else ()


def _is_at(endpoint: WebhookEndpoint, url: str) -> bool:
    parts = split(endpoint.url)
    return (
        parts is not None and normalised(endpoint.url) == normalised(url) and parts.path.rstrip('/') == PATH
    )


def _registered(settings: Settings, url: str, ours: list[WebhookEndpoint]) -> list[Finding]:
    """Say what is wrong with the endpoints at the shop's address."""
    if not ours:
        text = f'no webhook endpoint at Stripe has the URL {url}'
        if not is_public(settings.domain):
            return [
                warning(
                    PART, text, 'On your own machine `stripe listen` forwards events: nothing is to be done.'
                )
            ]
        by_hand = f'{WHERE}: add an endpoint with this URL and the events that README lists.'
        return [wrong(PART, text, f'Run `main.py setup`, which makes it. Or {by_hand}')]
    enabled = [each for each in ours if each.is_enabled]
    if not enabled:
        return [
            wrong(PART, f'the {ours[0].kind} for {url} is disabled', f'{WHERE} > this endpoint > Enable.')
        ]
    missing = frozenset.intersection(*(each.missing_events for each in enabled))
    if missing:
        make = wrong if missing & SESSION_EVENTS else warning
        names = ', '.join(sorted(missing))
        return [
            make(
                PART,
                f'the {enabled[0].kind} for {url} leaves out events that the shop uses: {names}',
                f'{WHERE} > this endpoint > Edit: select these events too.',
            )
        ]
    kinds = ', '.join(sorted({each.kind for each in enabled}))
    return [ok(PART, f'{url} is registered ({kinds}), enabled, and receives every event that the shop uses')]


def _unknown(url: str, arrivals: Arrivals | None, *, reads_none: bool) -> Finding:
    text = f'whether an endpoint has the URL {url} is not known: the key may not read it'
    if arrivals and arrivals.last_at:
        return ok(PART, f'{text}; deliveries arrive, so it has one')
    if reads_none:
        remedy = (
            'Stripe Dashboard > Developers > API keys > your key > Edit key: set "Webhook Endpoints: Read".'
        )
        return warning(PART, text, f'{remedy} Or look at {WHERE}.')
    return warning(
        PART,
        f'no webhook endpoint that the key may read has the URL {url}',
        f'{WHERE}: see if one has this URL. If none has, run `main.py setup`, which makes it.',
    )


async def _delivered(arrivals: Arrivals) -> Finding:
    async def read(_source: Source) -> Arrivals:
        return arrivals

    last = f'the last delivery came on {arrivals.last_at:%Y-%m-%d %H:%M} UTC' if arrivals.last_at else ''
    text = last or 'no delivery has come yet: the first payment page that is paid or expires brings one'
    return of_health(PART, await check_webhooks(read), text, level=Level.WARNING)
