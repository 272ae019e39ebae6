"""Book, reschedule and cancel, with the mails and webhooks that Calendly sends."""

import json
import uuid
from datetime import datetime, timedelta
from functools import partial

from services.sandbox.calendly import resources
from services.sandbox.calendly.calendar import Booking, Link, Subscription, zone
from services.sandbox.state import SandboxState
from services.sandbox.types import Json
from services.sandbox.webhooks import Delivery

EVENTS = ('invitee.created', 'invitee.canceled')
GONE = 410
TIME_TAKEN = 'That time is no longer available. Please choose another one.'


class NotAvailable(Exception):
    """The requested time, link or booking is no longer available."""


def subscribe(state: SandboxState, url: str, events: list[str], scope: str, key: str) -> Subscription:
    """Create a webhook subscription."""
    subscription = Subscription(str(uuid.uuid4()), url, events, scope, key, state.now(), state.now())
    state.calendar.subscriptions[subscription.id] = subscription
    return subscription


def subscribe_shop(state: SandboxState, url: str, events: list[str] | None = None) -> None:
    """Create the shop's subscription, by default to bookings, with the configured signing key."""
    subscribe(state, url, events or list(EVENTS), 'user', state.config.calendly_signing_key)


def book(state: SandboxState, start: datetime, who: Json, link: Link | None = None) -> Booking:
    """Book a time, and send the mail and the webhooks."""
    if link is not None and (link.used or state.calendar.has_expired(link)):
        raise NotAvailable('This link is no longer valid.')
    _check_free(state, start)
    if not state.calendar.permits(link, start):
        raise NotAvailable(TIME_TAKEN)
    if state.calendar.is_paid:
        who = {'payment': resources.payment('150.0', 'USD', successful=True)} | who
    booking = state.calendar.book(start, who, link)
    _send_confirmation(state, booking, 'Confirmed')
    send_webhooks(state, 'invitee.created', booking)
    return booking


def reschedule(state: SandboxState, old: Booking, start: datetime) -> Booking:
    """Cancel the old invitee and create a new one with empty tracking, as Calendly does."""
    if old.status != 'active':
        raise NotAvailable('This event is no longer active.')
    _check_free(state, start)
    who = {'name': old.name, 'email': old.email, 'phone': old.phone, 'timezone': old.timezone}
    who['minutes'] = str(int((old.end - old.start).total_seconds()) // 60)
    calendar = state.calendar
    booking = calendar.book(start, who, old=old)
    calendar.cancel(old, old.name, 'invitee', 'Rescheduled', rescheduled=True)
    _send_confirmation(state, booking, 'Rescheduled')
    send_webhooks(state, 'invitee.canceled', old)
    send_webhooks(state, 'invitee.created', booking)
    return booking


def cancel(state: SandboxState, booking: Booking, by: str, kind: str, reason: str) -> None:
    """Cancel a booking; `kind` is `host` or `invitee`."""
    if booking.status != 'active':
        raise NotAvailable('This event is no longer active.')
    state.calendar.cancel(booking, by, kind, reason)
    state.calendar.mail(booking, f'Canceled: {state.config.event_name}', f'{format_time(booking)}\n{reason}')
    send_webhooks(state, 'invitee.canceled', booking)


def format_time(booking: Booking) -> str:
    """Format date and time in the invitee's time zone."""
    local = booking.start.astimezone(zone(booking.timezone))
    end = booking.end.astimezone(zone(booking.timezone))
    place = booking.timezone.replace('_', ' ')
    return f'{format_clock(local)} - {format_clock(end)}, {local:%A, %B} {local.day}, {local.year} ({place})'


def format_clock(time: datetime) -> str:
    """Format a time of day, such as `9:30am`."""
    return time.strftime('%I:%M%p').lstrip('0').lower()


def _check_free(state: SandboxState, start: datetime) -> None:
    if start not in state.calendar.free(start, start + timedelta(days=1)):
        raise NotAvailable(TIME_TAKEN)


def _send_confirmation(state: SandboxState, booking: Booking, word: str) -> None:
    resource = resources.invitee(state.calendar, booking)
    text = '\n'.join((
        format_time(booking), f'Cancel: {resource["cancel_url"]}',
        f'Reschedule: {resource["reschedule_url"]}', '', *_invite(state, booking),
    ))  # fmt: skip
    state.calendar.mail(booking, f'{word}: {state.config.event_name} with {state.config.host}', text)


def _invite(state: SandboxState, booking: Booking) -> list[str]:
    """Return the lines of the calendar invite."""
    return [
        'BEGIN:VCALENDAR', 'VERSION:2.0', 'PRODID:-//Sandbox//EN', 'METHOD:REQUEST', 'BEGIN:VEVENT',
        f'UID:{booking.id}@sandbox', f'DTSTAMP:{booking.created:%Y%m%dT%H%M%SZ}',
        f'DTSTART:{booking.start:%Y%m%dT%H%M%SZ}', f'DTEND:{booking.end:%Y%m%dT%H%M%SZ}',
        f'SUMMARY:{state.config.event_name}', f'ATTENDEE:mailto:{booking.email}', 'END:VEVENT',
        'END:VCALENDAR',
    ]  # fmt: skip


def send_webhooks(state: SandboxState, kind: str, booking: Booking) -> int:
    """Send a webhook to each subscription to this event; the payload is the invitee.

    Returns:
        How many subscriptions there are.
    """
    calendar = state.calendar
    payload = resources.invitee(calendar, booking)
    payload['scheduled_event'] = resources.scheduled_event(calendar, booking)
    return send(state, kind, f'{kind}:{booking.invitee}', payload)


def send(state: SandboxState, kind: str, name: str, payload: Json) -> int:
    """Send an event to each active subscription to its kind; return their number."""
    calendar = state.calendar
    body = {
        'event': kind, 'created_at': resources.timestamp(state.now()),
        'created_by': resources.user_uri(calendar), 'payload': payload,
    }  # fmt: skip
    receivers = [
        item for item in calendar.subscriptions.values() if kind in item.events and item.state == 'active'
    ]
    for item in receivers:
        delivery = Delivery('calendly', name, kind, item.url, item.signing_key, json.dumps(body).encode())
        delivery.on_attempt = partial(_note_attempt, state, item)
        delivery.on_failure = partial(_disable, state, item)
        state.webhooks.send(delivery)
    return len(receivers)


def _note_attempt(state: SandboxState, subscription: Subscription, status: int | str) -> bool:
    """Note whether deliveries fail; 410 deletes the subscription. Return whether to try again."""
    subscriptions = state.calendar.subscriptions
    if status == GONE:
        subscriptions.pop(subscription.id, None)
    elif isinstance(status, int) and 200 <= status < 300:
        subscription.retry_started = None
    else:
        subscription.retry_started = subscription.retry_started or state.now()
    return subscription.id in subscriptions


def _disable(state: SandboxState, subscription: Subscription) -> None:
    subscription.disable(state.now())
