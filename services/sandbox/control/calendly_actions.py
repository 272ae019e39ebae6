"""What invitees and the host do at Calendly; each function is `POST /actions/<name>`."""

from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

from services.sandbox.calendly import bookings, resources
from services.sandbox.calendly.booking_pages import invitee_from
from services.sandbox.calendly.calendar import Booking, Link
from services.sandbox.calendly.rate_limit import PLANS
from services.sandbox.state import SandboxState
from services.sandbox.types import Json

LINK_STATUS = ('initiated', 'processing', 'pushed', 'failed')
EVENT_TYPE = (
    'active', 'secret', 'framed', 'redirect', 'is_paid', 'kind', 'pooling_type', 'team', 'minutes',
    'duration_options', 'location', 'link_status',
)  # fmt: skip


async def calendar(state: SandboxState, body: Json) -> Json:
    """`{deleted?, <one of EVENT_TYPE>?}`: change the event type; `team`: only the organization has it."""
    if 'deleted' in body:
        state.calendar.deleted_at = resources.timestamp(state.now()) if body['deleted'] else None
    for name in EVENT_TYPE:
        if name in body:
            setattr(state.calendar, name, body[name])
    return {name: getattr(state.calendar, name) for name in ('deleted_at', *EVENT_TYPE)}


async def free_times(state: SandboxState, body: Json) -> Json:
    """`{count?, starts?}`: offer only the first `count` of the free times, or only `starts`; `{}` offers all.

    No time is free with `count` 0. Times of `starts` may be at any hour of any day.
    """
    calendar = state.calendar
    calendar.offered = None
    if 'starts' in body:
        calendar.offered = sorted(datetime.fromisoformat(text).astimezone(UTC) for text in body['starts'])
    elif 'count' in body:
        calendar.offered = calendar.all_free()[: int(body['count'])]
    return {'free': [resources.timestamp(time) for time in calendar.all_free()]}


async def calendly_token(state: SandboxState, body: Json) -> Json:
    """`{revoked?, missing_scopes?, admin?, may_cancel?}`: revoke the token, or change what it may do."""
    calendar = state.calendar
    calendar.token_revoked = bool(body.get('revoked', calendar.token_revoked))
    calendar.admin = bool(body.get('admin', calendar.admin))
    calendar.may_cancel = bool(body.get('may_cancel', calendar.may_cancel))
    missing = body.get('missing_scopes', sorted(calendar.missing_scopes))
    calendar.missing_scopes = set(missing.split() if isinstance(missing, str) else missing)
    return {
        'revoked': calendar.token_revoked, 'missing_scopes': sorted(calendar.missing_scopes),
        'admin': calendar.admin, 'may_cancel': calendar.may_cancel,
    }  # fmt: skip


async def calendly_plan(state: SandboxState, body: Json) -> Json:
    """`{plan?: free|paid}`: change the plan, which decides how many API calls a minute may have."""
    plan = body.get('plan', state.calendly_limit.plan)
    if plan not in PLANS:
        raise ValueError(f'known plans: {", ".join(PLANS)}')
    state.calendly_limit.plan = plan
    return {'plan': plan, 'limit': state.calendly_limit.limit}


async def book(state: SandboxState, body: Json) -> Json:
    """`{url, name?, email?, phone?, start?, …}`: book; the URL prefills values.

    `minutes` gives the meeting another length, `other_event_type` another event type. `scheduling_method` is
    `api` or `instant_book`.
    """
    link = _find_link(state, body['url'])
    parts = urlsplit(body['url'])
    values = dict(parse_qsl(parts.query)) | {
        name: body[name] for name in ('name', 'email', 'timezone') if name in body
    }
    if 'phone' in body:
        values['a1'] = body['phone']
    key = resources.type_of_page(state.calendar, link, parts.path.rpartition('/')[2])
    who = invitee_from(values) | resources.invitee_of(state.calendar, key)
    who |= {name: body[name] for name in ('minutes', 'scheduling_method') if name in body}
    if body.get('other_event_type'):
        who['event_type'] = state.calendar.other_event_type
    return resources.invitee(state.calendar, bookings.book(state, _start(state, body), who, link))


def _find_link(state: SandboxState, url: str) -> Link | None:
    """Return the single-use link of a URL; None for the event type's own page."""
    path = urlsplit(url).path
    if '/d/' not in path:
        return None
    link = state.calendar.links.get(path.split('/d/')[1].split('/')[0])
    if link is None:
        raise ValueError('no such link')
    return link


async def expire_link(state: SandboxState, body: Json) -> Json:
    """`{url}`: let a single-use link that was not used expire now."""
    link = _find_link(state, body['url'])
    if link is None:
        raise ValueError('no single-use link')
    link.expired = True
    return {'expired': state.calendar.has_expired(link)}


def _start(state: SandboxState, body: Json) -> datetime:
    if 'start' in body:
        return datetime.fromisoformat(body['start']).astimezone(UTC)
    free = state.calendar.all_free()
    if not free:
        raise bookings.NotAvailable('No time is free.')
    return free[0]


def _get_booking(state: SandboxState, body: Json) -> Booking:
    found = state.calendar.invitees.get(str(body.get('invitee', '')).rpartition('/')[2])
    if found is None:
        raise ValueError('no such invitee')
    return found


async def cancel(state: SandboxState, body: Json) -> Json:
    """`{invitee, by?: invitee|host, reason?}`: cancel a booking."""
    item, kind = _get_booking(state, body), body.get('by', 'invitee')
    bookings.cancel(
        state, item, state.config.host if kind == 'host' else item.name, kind, body.get('reason', '')
    )
    return resources.invitee(state.calendar, item)


async def calendly_payment(state: SandboxState, body: Json) -> Json:
    """`{invitee, amount?, currency?, successful?}`: Calendly takes money for a booking."""
    item = _get_booking(state, body)
    item.payment = resources.payment(
        str(body.get('amount', '150.0')), body.get('currency', 'USD'), bool(body.get('successful', True))
    )
    item.updated = state.now()
    return resources.invitee(state.calendar, item)


async def location(state: SandboxState, body: Json) -> Json:
    """`{invitee, status}`: set how far the link to join one meeting is, one of LINK_STATUS."""
    if body['status'] not in LINK_STATUS:
        raise ValueError(f'known states: {", ".join(LINK_STATUS)}')
    item = _get_booking(state, body)
    item.link_status, item.updated = body['status'], state.now()
    return resources.location(state.calendar, item)


async def subscriptions(state: SandboxState, body: Json) -> Json:
    """`{disabled?, failing?, deleted?}`: change all subscriptions; `failing` sets `retry_started_at`."""
    calendar = state.calendar
    for item in calendar.subscriptions.values():
        if body.get('disabled'):
            item.disable(state.now())
        if 'failing' in body:
            item.retry_started = state.now() if body['failing'] else None
    if body.get('deleted'):
        calendar.subscriptions.clear()
    return {
        'subscriptions': [resources.subscription(calendar, item) for item in calendar.subscriptions.values()]
    }


async def reschedule(state: SandboxState, body: Json) -> Json:
    """`{invitee, start?}`: move a booking."""
    booking = bookings.reschedule(state, _get_booking(state, body), _start(state, body))
    return resources.invitee(state.calendar, booking)


ACTIONS = (
    calendar,
    free_times,
    calendly_token,
    calendly_plan,
    book,
    cancel,
    reschedule,
    expire_link,
    calendly_payment,
    location,
    subscriptions,
)
