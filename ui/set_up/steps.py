"""The content of each step's page: what it asks for, and the ways it can be answered."""

import secrets
from collections.abc import Awaitable, Callable, Mapping

from markupsafe import Markup

from services.set_up import (
    RESTRICTED_KEY,
    TOKEN_SCOPES,
    WITHOUT_ENDPOINT,
    WITHOUT_SUBSCRIPTION,
    Change,
    SetUp,
    Step,
    cannot_reach,
)
from services.settings import LOOPBACK
from services.settings.urls import host_of, is_public
from ui.admin.forms import hidden
from ui.components.builder import h, join
from ui.set_up.layout import choice, field, form

Typed = Mapping[str, str]
"""What was typed into the form that was refused; of a secret nothing is sent back."""
Content = Callable[[SetUp, str, Typed], Awaitable[Markup]]
NOT_ENCRYPTED = (
    'This page came over http: others on the way can read the keys that you type. '
    'Use an address with https, or a tunnel (ssh -L).'
)
KEYS_PAGE = 'https://dashboard.stripe.com/apikeys'


async def keys(set_up: SetUp, origin: str, _typed: Typed) -> Markup:
    """Ask for the keys of Stripe."""
    link = h('a', 'Stripe Dashboard > Developers > API keys', href=KEYS_PAGE, rel='noreferrer')
    restricted = h('a', 'a restricted key with what the shop needs', href=RESTRICTED_KEY, rel='noreferrer')
    is_readable = origin.startswith('http://') and host_of(origin) not in LOOPBACK
    return join(
        h('div', NOT_ENCRYPTED, class_='alert') if is_readable else None,
        h('p', 'Your customers pay at Stripe. The keys are in ', link, '.'),
        h(
            'p',
            'Begin with test keys: no money moves. In place of the secret key you can make ',
            restricted,
            '.',
        ),
        form(
            Step.KEYS,
            _secret(set_up, 'STRIPE_SECRET_KEY', 'Secret key', 'It begins with sk_ or rk_.'),
            _secret(
                set_up,
                'STRIPE_PUBLISHABLE_KEY',
                'Publishable key',
                'It begins with pk_. It may be left out.',
            ),
            label='Try the keys',
        ),
    )


async def price(set_up: SetUp, _origin: str, typed: Typed) -> Markup:
    """Offer the prices found at Stripe, or make one."""
    prices = await set_up.payments.prices()
    offer, known = set_up.answers.offer, set_up.answers.values.get('STRIPE_PRICE_ID', '')
    options = [(each.id, f'{each.product or "Price"}: {each.money}', each.id) for each in prices]
    chosen = known if known in {each.id for each in prices} else ''
    existing = form(
        Step.PRICE,
        choice('price', options, legend='One-time prices at Stripe', chosen=chosen),
        label='Use this price',
    )
    new = form(
        Step.PRICE,
        hidden('attempt', secrets.token_hex(16)),
        field(
            'product',
            'Product',
            value=typed.get('product') or offer.name,
            hint='Customers see it at Stripe.',
            required=True,
        ),
        field(
            'amount',
            'Amount',
            value=typed.get('amount', ''),
            hint='Such as 150 or 149.50.',
            inputmode='decimal',
            required=True,
        ),
        field('currency', 'Currency', value=typed.get('currency') or 'usd', maxlength='3', required=True),
        label='Make this price',
        do='make',
        kind='' if prices else 'main',
    )
    if not prices:
        return join(h('p', 'There is no one-time price in your account yet.'), new)
    return join(existing, h('div', h('h2', 'Or make a new one'), new, class_='other'))


async def calendar(set_up: SetUp, _origin: str, _typed: Typed) -> Markup:
    """Ask for the token of Calendly."""
    where = 'Calendly > Integrations > API and webhooks > Personal access tokens'
    return join(
        h('p', f'With a token each paid order gets a link that books once. It is made in {where}.'),
        form(
            Step.CALENDAR,
            _secret(
                set_up, 'CALENDLY_TOKEN', 'Personal access token', f'It needs these scopes: {TOKEN_SCOPES}.'
            ),
            label='Try the token',
        ),
        h(
            'div',
            h('h2', 'Or do without'),
            h('p', 'Every customer then gets the public link of your event type, and can use it again.'),
            form(Step.CALENDAR, label='Do without a token', do='none', kind=''),
            class_='other',
        ),
    )


async def event_type(set_up: SetUp, _origin: str, typed: Typed) -> Markup:
    """Offer the event types found at Calendly, or make one, or take a link."""
    offer = set_up.answers.offer
    known = typed.get('link') or set_up.answers.values.get('CALENDLY_LINK', '')
    by_link = field(
        'link',
        'Link of the event type',
        kind='url',
        value=known,
        hint='Such as https://calendly.com/you/session.',
        required=True,
    )
    if not set_up.answers.values.get('CALENDLY_TOKEN'):
        return form(Step.EVENT_TYPE, by_link, label='Use this link')
    types = await set_up.calendar.event_types()
    options = [
        (
            each.link,
            f'{each.name}, {each.minutes} minutes',
            each.link + (each.concern and f' · It {each.concern}.'),
        )
        for each in types
    ]
    chosen = known if known in {each.link for each in types} else ''
    new = form(
        Step.EVENT_TYPE,
        field('name', 'Name', value=typed.get('name') or offer.name, maxlength='55', required=True),
        label=f'Make one of {offer.minutes} minutes',
        do='make',
        kind='' if types else 'main',
    )
    hint = h(
        'p', 'Calendly then lets you choose its place, and hide it from your public page.', class_='quiet'
    )
    return join(
        h('p', f'Your shop sells {offer.minutes} minutes (site.toml).'),
        form(
            Step.EVENT_TYPE,
            choice('link', options, legend='Event types at Calendly', chosen=chosen),
            label='Use this event type',
        )
        if types
        else h('p', 'There is no active event type in your account yet.'),
        h('div', h('h2', 'Or make a new one'), new, hint, class_='other'),
    )


async def address(set_up: SetUp, origin: str, typed: Typed) -> Markup:
    """Ask for the public address; the one that the browser uses is offered."""
    known = set_up.answers.values.get('DOMAIN', '') if set_up.answers.is_taken(Step.ADDRESS) else ''
    hint = 'What customers type. With live keys it begins with https://.'
    return form(
        Step.ADDRESS,
        field(
            'domain',
            'Address of the shop',
            kind='url',
            value=typed.get('domain') or known or origin,
            hint=hint,
            required=True,
        ),
        label='Use this address',
    )


async def payments_webhook(set_up: SetUp, _origin: str, _typed: Typed) -> Markup:
    """Offer to make the webhook endpoint; where Stripe cannot reach the shop, to do without comes first."""
    domain, may_skip = set_up.answers.values['DOMAIN'], set_up.answers.mode != 'live'
    makes = is_public(domain) or not may_skip
    intro = h(
        'p',
        'Stripe tells the shop of payments, refunds and disputes at ',
        h('b', f'{domain}/webhooks/stripe'),
        '. ',
        'The endpoint gets exactly the events that the shop uses. '
        'It is made at the last step, which names whatever it replaces.',
    )
    make = form(Step.PAYMENTS_WEBHOOK, label='Make the endpoint at Stripe', kind='main' if makes else '')
    own = form(
        Step.PAYMENTS_WEBHOOK,
        field('secret', 'Signing secret', kind='password', hint='It begins with whsec_.', required=True),
        label='Use this secret',
        do='secret',
        kind='',
    )
    skip = join(
        h('p', f'{cannot_reach("Stripe", domain)} {WITHOUT_ENDPOINT}'.strip()),
        form(Step.PAYMENTS_WEBHOOK, label='Do without', do='none', kind='' if makes else 'main'),
    )
    if not makes:
        return join(intro, skip, h('div', h('h2', 'Or use an endpoint'), make, own, class_='other'))
    other = (own, skip) if may_skip else (own,)
    return join(intro, make, h('div', h('h2', 'Or use one that you have made'), *other, class_='other'))


async def bookings_webhook(set_up: SetUp, _origin: str, _typed: Typed) -> Markup:
    """Offer to make the webhook subscription; where it cannot arrive, not in the first place."""
    domain = set_up.answers.values['DOMAIN']
    makes = is_public(domain)
    intro = h(
        'p',
        'Calendly tells the shop of bookings at ',
        h('b', f'{domain}/webhooks/calendly'),
        '. The subscription is made at the last step, which names whatever it replaces.',
    )
    label = 'Make the subscription at Calendly'
    make = form(Step.BOOKINGS_WEBHOOK, label=label, kind='main' if makes else '')
    skip = join(
        h('p', f'{cannot_reach("Calendly", domain)} {WITHOUT_SUBSCRIPTION}'.strip()),
        form(Step.BOOKINGS_WEBHOOK, label='Do without', do='none', kind='' if makes else 'main'),
    )
    if not makes:
        return join(intro, skip, h('div', h('h2', 'Or make it all the same'), make, class_='other'))
    return join(intro, make, h('div', h('h2', 'Or do without'), skip, class_='other'))


async def password(set_up: SetUp, _origin: str, _typed: Typed) -> Markup:
    """Ask for the password of the admin."""
    return join(
        h('p', 'With it you sign in at /admin, where you see orders and run the shop.'),
        form(
            Step.PASSWORD,
            field(
                'password',
                'Password',
                kind='password',
                hint='At least 12 characters; best from a manager.',
                minlength='12',
                required=True,
            ),
            label='Use this password',
        ),
    )


async def write(set_up: SetUp, _origin: str, _typed: Typed) -> Markup:
    """Show what is written, and where; say what would keep the shop from starting."""
    target = set_up.target
    where = str(target) if target else 'the database of the shop'
    problems = await set_up.problems()
    preview = await set_up.preview()
    changes = join(
        h('dl', *(_change(each) for each in preview.changes), class_='facts'),
        *(h('p', words) for words in preview.words),
    )
    if problems:
        wrong = h('div', *(h('p', problem) for problem in problems), class_='alert', role='alert')
        again = h('p', h('a', 'Check again', href='/setup'))
        return join(h('p', 'The shop would not start with these settings:'), wrong, changes, again)
    return join(
        h('p', f'These settings are written to {where}. Then the shop starts.'),
        changes,
        form(
            Step.WRITE,
            hidden('deletes', preview.deletes),
            label='Write the settings, delete what is named, and start the shop'
            if preview.deletes
            else 'Write the settings and start the shop',
        ),
    )


CONTENT: Mapping[Step, Content] = {
    Step.KEYS: keys,
    Step.PRICE: price,
    Step.CALENDAR: calendar,
    Step.EVENT_TYPE: event_type,
    Step.ADDRESS: address,
    Step.PAYMENTS_WEBHOOK: payments_webhook,
    Step.BOOKINGS_WEBHOOK: bookings_webhook,
    Step.PASSWORD: password,
    Step.WRITE: write,
}


def _secret(set_up: SetUp, name: str, label: str, hint: str) -> Markup:
    """Build the field of a secret; of one that is known the last four characters are shown."""
    shown = set_up.answers.shown(name)
    kept = f' {shown} is kept if you type nothing.' if shown else ''
    return field(name.lower(), label, kind='password', hint=hint + kept)


def _change(change: Change) -> Markup:
    before = f' (was {change.before})' if change.before != 'none' else ''
    return join(h('dt', change.name), h('dd', change.after + before))
