"""Broken set-ups of a shop, each with the lines that the check must print about it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from services.check import Level
from services.payments import PERMISSIONS
from services.sandbox import SandboxConfig
from tests.factories import event_of, signed
from tests.https_proxy import HttpsProxy, ProxySetup
from tests.processes import ROOT
from tests.sandbox_client import SandboxClient

RESTRICTED = SandboxConfig().restricted_key
OK, WARNING, WRONG = Level
Line = tuple[str, Level, str]


@dataclass(frozen=True)
class Place:
    """A shop that runs behind an https proxy."""

    proxy: HttpsProxy
    settings: Mapping[str, str]


@dataclass(frozen=True)
class Row:
    """One broken set-up.

    Attributes:
        lines: the findings that are not ok: part, level, a phrase of the text.
        settings: what is set differently.
        act: what happens in the sandbox, or in the files.
        proxy: how the proxy is set up.
    """

    lines: tuple[Line, ...]
    settings: Mapping[str, str] = field(default_factory=dict)
    act: Callable[[SandboxClient, Place], object] = lambda _sandbox, _place: None
    proxy: ProxySetup = field(default_factory=ProxySetup)


def settings_row(phrase: str, **settings: str) -> Row:
    """Return a row about one setting that cannot be used."""
    rest = ('check', WARNING, 'the other parts are checked once')
    return Row((('settings', WRONG, phrase), rest), settings)


def stripe(action: str, **params: Any) -> Callable[[SandboxClient, Place], object]:
    """Return what makes something happen in the sandbox."""
    return lambda sandbox, _: sandbox.act(action, **params)


def without_permission(slug: str, *lines: Line, **settings: str) -> Row:
    """Return a row about a restricted key that lacks one permission."""
    changed = {'STRIPE_SECRET_KEY': RESTRICTED} | settings
    return Row(lines, changed, stripe('key', missing_permissions=[slug]))


def change_endpoint(sandbox: SandboxClient, **form: Any) -> None:
    """Change the shop's webhook endpoint at Stripe, as the operator does in the dashboard."""
    base = f'{sandbox.base}/stripe/v1/webhook_endpoints'
    auth = (sandbox.settings['STRIPE_SECRET_KEY'], '')
    found: dict[str, Any] = httpx.get(base, auth=auth).json()['data'][0]
    answer = httpx.post(f'{base}/{found["id"]}', data=form, auth=auth)
    assert answer.is_success, answer.text


def leave_out(*kinds: str) -> Callable[[SandboxClient, Place], object]:
    """Return what takes kinds of events out of the endpoint."""
    kept = [kind for kind in SandboxConfig().stripe_events if kind not in kinds]
    return lambda sandbox, _: change_endpoint(sandbox, **{'enabled_events[]': kept})


def destination(**params: Any) -> Callable[[SandboxClient, Place], object]:
    """Return what registers an event destination in place of the endpoint."""

    def act(sandbox: SandboxClient, place: Place) -> None:
        sandbox.act('webhooks', stripe=None)
        sandbox.act('event-destination', url=f'{place.proxy.url}/webhooks/stripe', **params)

    return act


def unreadable(path: str, *, status: int = 403) -> Callable[[SandboxClient, Place], object]:
    """Return what hides one list of endpoints from the key; the other list has none of the shop."""

    def act(sandbox: SandboxClient, place: Place) -> None:
        sandbox.act('webhooks', stripe=None)
        sandbox.fault(f'GET {path}', 'fail', status=status, times=None)

    return act


def subscription(**params: Any) -> Callable[[SandboxClient, Place], object]:
    """Return what changes the subscription at Calendly."""
    return lambda sandbox, _: sandbox.act('subscriptions', **params)


def deliver(place: Place, *, stripe_secret: str = '', calendly_key: str = '') -> None:
    """Deliver an event of each vendor to the running shop.

    Args:
        place: the shop.
        stripe_secret: with which Stripe's is signed; the right one, if not given.
        calendly_key: the same for Calendly's.
    """
    secret = stripe_secret or place.settings['STRIPE_WEBHOOK_SECRET']
    key = calendly_key or place.settings['CALENDLY_WEBHOOK_SIGNING_KEY']
    url = f'http://127.0.0.1:{place.settings["PORT"]}/webhooks'
    of_stripe, of_calendly = event_of('cus_1', 'customer.created'), b'{"event": "contact.created"}'
    answers = [
        httpx.post(f'{url}/stripe', content=of_stripe, headers=signed(of_stripe, secret)),
        httpx.post(
            f'{url}/calendly',
            content=of_calendly,
            headers={'Calendly-Webhook-Signature': signed(of_calendly, key)['Stripe-Signature']},
        ),
    ]
    expected = [400 if other else 200 for other in (stripe_secret, calendly_key)]
    assert [answer.status_code for answer in answers] == expected


LIVE = {
    'STRIPE_SECRET_KEY': 'sk_live_abc',
    'STRIPE_PUBLISHABLE_KEY': '',
    'STRIPE_API_BASE': '',
    'CALENDLY_API_BASE': '',
    'CALENDLY_LINK': 'https://calendly.com/coach/session',
}
READING = ['charge_read', 'dispute_read', 'event_read', 'payment_intent_read', 'review_read']
LACKED = {
    'event_types:read': WRONG,
    'scheduling_links:write': WRONG,
    'scheduled_events:read': WRONG,
    'availability:read': WARNING,
    'shares:write': WARNING,
    'scheduled_events:write': WARNING,
    'webhooks:read': WARNING,
}
NO_SOCKET = ('domain', WRONG, 'no websocket')
ROWS = {
    # what the running shop refuses; first, while it has read the bookings without a problem
    'secret of another endpoint': Row(
        (('stripe webhook', WRONG, 'STRIPE_WEBHOOK_SECRET is not the secret of this endpoint'),),
        act=lambda _, place: deliver(place, stripe_secret='whsec_other'),  # made up
    ),
    'not restarted after a set-up': Row(
        (('stripe webhook', WRONG, 'STRIPE_WEBHOOK_SECRET is not the secret of this endpoint'),),
        {'STRIPE_WEBHOOK_SECRET': 'whsec_new'},
        lambda _, place: deliver(place, stripe_secret='whsec_new'),  # made up
    ),
    'key of another subscription': Row(
        (('calendly', WRONG, 'CALENDLY_WEBHOOK_SIGNING_KEY is not the key of this subscription'),),
        act=lambda _, place: deliver(place, calendly_key='another key'),
    ),
    # settings
    'no key': settings_row('STRIPE_SECRET_KEY is missing', STRIPE_SECRET_KEY=''),
    'publishable key': settings_row('it seems to be a publishable key', STRIPE_SECRET_KEY='pk_test_abc'),
    'product for price': settings_row('it seems to be a product id', STRIPE_PRICE_ID='prod_abc'),
    'link elsewhere': settings_row('CALENDLY_LINK', CALENDLY_LINK='https://cal.example/coach'),
    'mail server': settings_row('SMTP_URL must look like', SMTP_URL='smtp.example:587'),
    'database url': settings_row('DATABASE_URL must begin with', DATABASE_URL='mysql://localhost'),
    'live without https': settings_row('DOMAIN', **LIVE, DOMAIN='http://coach.test'),
    'two problems': Row(
        (
            ('settings', WRONG, 'STRIPE_PRICE_ID is missing'),
            ('settings', WRONG, 'PORT is not a port number'),
            ('check', WARNING, 'the other parts'),
        ),
        {'STRIPE_PRICE_ID': '', 'PORT': 'http'},
    ),
    'mistyped name': Row(
        (('settings', WARNING, 'STRIPE_PRICEID is no setting; did you mean STRIPE_PRICE_ID?'),),
        {'STRIPE_PRICEID': 'price_1'},
    ),
    'no admin': Row((('settings', WARNING, 'ADMIN_PASSWORD is not set'),), {'ADMIN_PASSWORD': ''}),
    'nobody is told': Row((('settings', WARNING, 'OPERATOR_EMAIL is not set'),), {'OPERATOR_EMAIL': ''}),
    # site
    'no texts': Row(
        (('site', WRONG, 'none.toml: cannot be read'), ('check', WARNING, 'the other parts')),
        {'SITE_FILE': '/nowhere/none.toml'},
    ),
    'example texts': Row(
        (('site', WARNING, 'still hold examples: [contact] email'),), {'SITE_FILE': str(ROOT / 'site.toml')}
    ),
    # Stripe's key
    'key revoked': Row((('stripe key', WRONG, 'Stripe refuses the key'),), act=stripe('key', revoked=True)),
    'account not active': Row(
        (('stripe key', WARNING, 'does not let this account take real payments'),),
        act=stripe('dashboard', charges_enabled=False),
    ),
    'stripe unreachable': Row(
        (('stripe', WRONG, 'Stripe does not answer'),), {'STRIPE_API_BASE': 'http://127.0.0.1:9'}
    ),
    'no reading': Row(
        tuple(
            ('stripe key', WRONG, f'lacks the permission "{PERMISSIONS[slug][0]}" (rak_{slug})')
            for slug in PERMISSIONS
            if slug in READING
        ),
        {'STRIPE_SECRET_KEY': RESTRICTED},
        stripe('key', missing_permissions=READING),
    ),
    'no checkout_session_write': without_permission(
        'checkout_session_write',
        ('stripe key', WRONG, '"Checkout Sessions: Write" (rak_checkout_session_write)'),
        ('payment page', WRONG, 'Checkout Sessions: Write'),
    ),
    'no invoice_read': without_permission(
        'invoice_read', ('stripe key', WRONG, '"Invoices: Read" (rak_invoice_read)'), INVOICES='1'
    ),
    'no plan_read': without_permission('plan_read', ('price', WRONG, '"Prices: Read" (rak_plan_read)')),
    'no writing': Row(
        (
            ('stripe key', WARNING, '"Charges and Refunds: Write" (rak_charge_write)'),
            ('stripe key', WARNING, '"Disputes: Write" (rak_dispute_write)'),
        ),
        {'STRIPE_SECRET_KEY': RESTRICTED},
        stripe('key', missing_permissions=['charge_write', 'dispute_write']),
    ),
    # the price, and the payment page
    'unknown price': Row(
        (('price', WRONG, 'Stripe has no price price_other'),), {'STRIPE_PRICE_ID': 'price_other'}
    ),
    'price switched off': Row((('price', WRONG, 'is not active'),), act=stripe('price', active=False)),
    'recurring price': Row((('price', WRONG, 'is recurring'),), act=stripe('price', recurring=True)),
    'free': Row((('price', WRONG, 'costs nothing'),), act=stripe('price', amount=0)),
    'too cheap': Row(
        (('payment page', WRONG, 'Stripe does not take a sale'),), act=stripe('price', amount=9)
    ),
    'no terms': Row(
        (('payment page', WRONG, 'Stripe does not know the address of your terms'),),
        {'TERMS_CONSENT': '1'},
        stripe('dashboard', terms_url=False),
    ),
    'no tax office': Row(
        (('payment page', WRONG, 'tax is not set up at Stripe'),),
        {'AUTOMATIC_TAX': '1', 'TERMS_CONSENT': '1'},
        stripe('dashboard', tax_office=False),
    ),
    # Stripe's deliveries
    'no endpoint': Row(
        (('stripe webhook', WARNING, 'no webhook endpoint at Stripe has the URL'),),
        act=stripe('webhooks', stripe=None),
    ),
    'endpoint of another path': Row(
        (('stripe webhook', WARNING, 'no webhook endpoint at Stripe has the URL'),),
        act=lambda sandbox, place: sandbox.act('webhooks', stripe=f'{place.proxy.url}/webhooks/strip'),
    ),
    'endpoint disabled': Row(
        (('stripe webhook', WRONG, 'the webhook endpoint for'),),
        act=lambda sandbox, _: change_endpoint(sandbox, disabled='true'),
    ),
    'endpoint without payments': Row(
        (('stripe webhook', WRONG, 'that the shop uses: checkout.session.completed'),),
        act=leave_out('checkout.session.completed'),
    ),
    'endpoint without refunds': Row(
        (('stripe webhook', WARNING, 'that the shop uses: refund.failed'),), act=leave_out('refund.failed')
    ),
    'destination disabled': Row(
        (('stripe webhook', WRONG, 'the event destination with thin events for'),),
        act=destination(payload='thin', enabled=False),
    ),
    'destination without payments': Row(
        (('stripe webhook', WRONG, 'leaves out events that the shop uses: charge.dispute.closed'),),
        act=destination(payload='thin', events=['review.opened']),
    ),
    'endpoints unreadable': without_permission(
        'webhook_read', ('stripe webhook', WARNING, 'is not known: the key may not read it')
    ),
    'endpoints unreadable, destinations empty': Row(
        (('stripe webhook', WARNING, 'no webhook endpoint that the key may read has the URL'),),
        act=unreadable('/v1/webhook_endpoints'),
    ),
    'destinations unreadable, endpoints empty': Row(
        (('stripe webhook', WARNING, 'no webhook endpoint that the key may read has the URL'),),
        act=unreadable('/v2/core/event_destinations'),
    ),
    'destinations not offered, endpoints empty': Row(
        (('stripe webhook', WARNING, 'no webhook endpoint at Stripe has the URL'),),
        act=unreadable('/v2/core/event_destinations', status=404),
    ),
    'no webhook secret': Row(
        (('stripe webhook', WARNING, 'STRIPE_WEBHOOK_SECRET is not set'),), {'STRIPE_WEBHOOK_SECRET': ''}
    ),
    # Calendly
    'token revoked': Row(
        (('calendly', WRONG, 'Calendly refuses CALENDLY_TOKEN'),),
        act=stripe('calendly-token', revoked=True),
    ),
    'no users:read': Row(
        (('calendly', WRONG, 'CALENDLY_TOKEN lacks the scope users:read'),),
        act=stripe('calendly-token', missing_scopes=['users:read']),
    ),
    'no scopes': Row(
        tuple(('calendly', level, f'the token lacks the scope {scope}:') for scope, level in LACKED.items()),
        act=stripe('calendly-token', missing_scopes=list(LACKED)),
    ),
    'event type off': Row(
        (('calendly', WRONG, 'is switched off: no time can be booked'),),
        act=stripe('calendar', active=False),
    ),
    'event type deleted': Row(
        (('calendly', WRONG, 'was deleted at Calendly'),), act=stripe('calendar', deleted=True)
    ),
    'paid twice': Row(
        (('calendly', WRONG, 'takes a payment of its own'),), act=stripe('calendar', is_paid=True)
    ),
    'other length': Row(
        (('calendly', WRONG, 'can be booked for 45 minutes, and 60 are sold'),),
        act=stripe('calendar', minutes=45),
    ),
    'event type public': Row(
        (('calendly', WARNING, 'anybody can book the event type of CALENDLY_LINK on your page'),),
        act=stripe('calendar', secret=False),
    ),
    'no time is free': Row(
        (('calendly', WARNING, 'no time is free in the next 31 days'),), act=stripe('free-times', count=0)
    ),
    'no subscription': Row(
        (('calendly', WARNING, 'no webhook subscription at Calendly names'),), act=subscription(deleted=True)
    ),
    'subscription disabled': Row((('calendly', WARNING, 'is disabled'),), act=subscription(disabled=True)),
    'subscription failing': Row(
        (('calendly', WARNING, 'Calendly has failed to deliver bookings'),), act=subscription(failing=True)
    ),
    'no token': Row(
        (('calendly', WARNING, 'CALENDLY_TOKEN is not set: every customer gets the public link'),),
        {'CALENDLY_TOKEN': ''},
    ),
    'bookings unknown': Row(
        (
            ('calendly', WARNING, 'CALENDLY_TOKEN is not set'),
            ('calendly', WARNING, 'whether a customer has booked cannot be known'),
        ),
        {'CALENDLY_TOKEN': '', 'CALENDLY_WEBHOOK_SIGNING_KEY': ''},
    ),
    # clock and mail
    'clock behind': Row(
        (('clock', WRONG, '(h:mm:ss) behind Stripe'),),
        act=stripe('clock', ahead=3600),
    ),
    'mail server down': Row((('mail', WRONG, 'no mail can be sent'),), act=stripe('smtp', down=True)),
    'mail without encryption': Row(
        (('mail', WRONG, 'no mail can be sent'),),
        {'SMTP_URL': 'smtp://user:password@127.0.0.1:{smtp}?starttls=1'},
    ),
    'no mail server': Row((('mail', WARNING, 'SMTP_URL is not set'),), {'SMTP_URL': ''}),
    # the address, from outside
    'shop not started': Row(
        (
            ('stripe webhook', WARNING, 'no webhook endpoint at Stripe has the URL http://localhost:9/'),
            ('calendly', WARNING, 'no webhook subscription at Calendly names'),
            ('domain', WRONG, 'http://localhost:9 cannot be reached: nobody listens there'),
        ),
        {'DOMAIN': 'http://localhost:9'},
    ),
    'plain http': Row(
        (
            ('stripe key', WARNING, 'a test key on a public DOMAIN'),
            ('stripe webhook', WRONG, 'no webhook endpoint at Stripe has the URL http://shop.invalid/'),
            ('calendly', WARNING, 'no webhook subscription at Calendly names'),
            ('domain', WARNING, 'http://shop.invalid is not https'),
            ('domain', WRONG, 'http://shop.invalid cannot be reached'),
        ),
        {'DOMAIN': 'http://shop.invalid'},
    ),
    'name unknown': Row(
        (
            ('stripe key', WARNING, 'a test key on a public DOMAIN: payments are not real'),
            ('stripe webhook', WRONG, 'no webhook endpoint at Stripe has the URL https://shop.invalid/'),
            ('calendly', WARNING, 'no webhook subscription at Calendly names'),
            ('domain', WRONG, 'https://shop.invalid cannot be reached: the name is not known'),
        ),
        {'DOMAIN': 'https://shop.invalid'},
    ),
    'certificate expired': Row((('domain', WRONG, 'has expired'),), proxy=ProxySetup(certificate='expired')),
    'certificate of another name': Row(
        (('domain', WRONG, 'the certificate is for another name than'),),
        proxy=ProxySetup(certificate='other name'),
    ),
    'certificate self-signed': Row(
        (('domain', WRONG, 'is self-signed'),), proxy=ProxySetup(certificate='self-signed')
    ),
    'shop down behind the proxy': Row(
        (('domain', WRONG, 'something in front of the shop answers 502'),),
        proxy=ProxySetup(answer=b'HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n'),
    ),
    'domain redirects': Row(
        (('domain', WRONG, 'sends customers on to https://www.coach.test'),),
        proxy=ProxySetup(
            answer=b'HTTP/1.1 301 Moved\r\nLocation: https://www.coach.test/healthz\r\n'
            b'Content-Length: 0\r\n\r\n'
        ),
    ),
    'another server': Row(
        (('domain', WRONG, 'another server answers at'),),
        proxy=ProxySetup(answer=b'HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nWelcome'),
    ),
    'no websockets': Row((NO_SOCKET,), proxy=ProxySetup(passes_upgrade=False)),
    'forged address believed': Row(
        (('domain', WRONG, 'a forged X-Forwarded-For is believed'),),
        proxy=ProxySetup(forwarded_for='pass on'),
    ),
    'proxy says nobody': Row(
        (('domain', WRONG, 'the proxy does not say who asks'),), proxy=ProxySetup(forwarded_for='drop')
    ),
    'proxy not trusted': Row(
        (('domain', WRONG, 'the proxy 127.0.0.2 is not believed'),), proxy=ProxySetup(source='127.0.0.2')
    ),
    'proxy appends': Row((), proxy=ProxySetup(forwarded_for='append')),
    'proxy appends without a space': Row((), proxy=ProxySetup(forwarded_for='append', between=',')),
    'proxy appends a trusted address': Row(
        (), proxy=ProxySetup(forwarded_for='append', customer='127.0.0.1')
    ),
    'proxy says http': Row(
        (('domain', WRONG, 'does not say that customers come by https'),),
        proxy=ProxySetup(says_https=False),
    ),
}
