"""What follows a booking at Calendly: the webhook, the confirmation mail, the cancellation, the new time."""

import json
import uuid
from datetime import datetime, timedelta

from services.sandbox.calendly import views
from services.sandbox.calendly.calendar import Booking, Link, Subscription, zone
from services.sandbox.problems import Json
from services.sandbox.state import SandboxState
from services.sandbox.webhooks import Delivery

EVENTS = ('invitee.created', 'invitee.canceled')


class Taken(Exception):
    """The wanted time or link is no longer to be had."""


def subscribe(state: SandboxState, url: str, events: list[str], scope: str, key: str) -> Subscription:
    """Note who wants to hear of bookings."""
    made = Subscription(str(uuid.uuid4()), url, events, scope, key, state.now())
    state.calendar.subscriptions[made.id] = made
    return made


def book(state: SandboxState, start: datetime, who: Json, link: Link | None = None) -> Booking:
    """Book a time, tell the invitee and the subscribers."""
    if link is not None and link.used:
        raise Taken('This link is no longer valid.')
    _check_free(state, start)
    made = state.calendar.book(start, who, link)
    _confirm(state, made, 'Confirmed')
    announce(state, 'invitee.created', made)
    return made


def reschedule(state: SandboxState, old: Booking, start: datetime) -> Booking:
    """Move a booking: the old invitee is cancelled, a new one made, whose tracking is empty."""
    if old.status != 'active':
        raise Taken('This event is no longer active.')
    _check_free(state, start)
    who = {'name': old.name, 'email': old.email, 'phone': old.phone, 'timezone': old.timezone}
    calendar = state.calendar
    made = calendar.book(start, who, old=old)
    calendar.cancel(old, old.name, 'invitee', 'Rescheduled', rescheduled=True)
    _confirm(state, made, 'Rescheduled')
    announce(state, 'invitee.canceled', old)
    announce(state, 'invitee.created', made)
    return made


def cancel(state: SandboxState, booking: Booking, by: str, kind: str, reason: str) -> None:
    """Cancel a booking; `kind` is `host` or `invitee`."""
    if booking.status != 'active':
        raise Taken('This event is no longer active.')
    state.calendar.cancel(booking, by, kind, reason)
    state.calendar.mail(booking, f'Canceled: {state.config.event_name}', f'{when(booking)}\n{reason}')
    announce(state, 'invitee.canceled', booking)


def when(booking: Booking) -> str:
    """Date and time for people, in the invitee's time zone."""
    local = booking.start.astimezone(zone(booking.timezone))
    end = booking.end.astimezone(zone(booking.timezone))
    place = booking.timezone.replace('_', ' ')
    return f'{clock(local)} - {clock(end)}, {local:%A, %B} {local.day}, {local.year} ({place})'


def clock(moment: datetime) -> str:
    """`9:30am`."""
    return moment.strftime('%I:%M%p').lstrip('0').lower()


def _check_free(state: SandboxState, start: datetime) -> None:
    if start not in state.calendar.free(start, start + timedelta(days=1)):
        raise Taken('That time is no longer available. Please choose another one.')


def _confirm(state: SandboxState, booking: Booking, word: str) -> None:
    resource = views.invitee(state.calendar, booking)
    text = '\n'.join((
        when(booking), f'Cancel: {resource["cancel_url"]}', f'Reschedule: {resource["reschedule_url"]}', '',
        *invite(state, booking),
    ))  # fmt: skip
    state.calendar.mail(booking, f'{word}: {state.config.event_name} with {state.config.host}', text)


def invite(state: SandboxState, booking: Booking) -> list[str]:
    """The calendar invite, as lines."""
    return [
        'BEGIN:VCALENDAR', 'VERSION:2.0', 'PRODID:-//Sandbox//EN', 'METHOD:REQUEST', 'BEGIN:VEVENT',
        f'UID:{booking.id}@sandbox', f'DTSTAMP:{booking.made:%Y%m%dT%H%M%SZ}',
        f'DTSTART:{booking.start:%Y%m%dT%H%M%SZ}', f'DTEND:{booking.end:%Y%m%dT%H%M%SZ}',
        f'SUMMARY:{state.config.event_name}', f'ATTENDEE:mailto:{booking.email}', 'END:VEVENT',
        'END:VCALENDAR',
    ]  # fmt: skip


def announce(state: SandboxState, kind: str, booking: Booking) -> None:
    """Send a webhook to every subscription that wants this kind, the invitee flat in the payload."""
    calendar = state.calendar
    payload = views.invitee(calendar, booking)
    payload['scheduled_event'] = views.scheduled_event(calendar, booking)
    body = {
        'event': kind, 'created_at': views.stamp(state.now()), 'created_by': views.user_uri(calendar),
        'payload': payload,
    }  # fmt: skip
    for item in calendar.subscriptions.values():
        if kind in item.events and item.state == 'active':
            name = f'{kind}:{booking.invitee}'
            delivery = Delivery('calendly', name, kind, item.url, item.key, json.dumps(body).encode())
            delivery.given_up = item.disable
            state.webhooks.send(delivery)
