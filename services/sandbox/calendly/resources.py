"""Calendly's resources as JSON (https://developer.calendly.com/api-docs)."""

import re
import uuid
from datetime import datetime

from services.sandbox.calendly.calendar import (
    HORIZON,
    NOTICE,
    TRACKING,
    Booking,
    Calendar,
    Link,
    Subscription,
)
from services.sandbox.types import Json

EVENT_KINDS = {'gotomeeting_conference': 'gotomeeting', 'zoom_conference': 'zoom'}
"""The kinds of location that are called differently at a scheduled event and at its event type."""


def timestamp(time: datetime) -> str:
    """Format a time as Calendly does."""
    return time.strftime('%Y-%m-%dT%H:%M:%S.%fZ')


def uri(calendar: Calendar, kind: str, key: str) -> str:
    """Return the URI of a resource."""
    return f'{calendar.config.calendly_api}/{kind}/{key}'


def user_uri(calendar: Calendar) -> str:
    """Return the URI of the host."""
    return uri(calendar, 'users', calendar.user)


def organization_uri(calendar: Calendar) -> str:
    """Return the URI of the host's organization."""
    return uri(calendar, 'organizations', calendar.organization)


def user(calendar: Calendar) -> Json:
    """Return the host."""
    config = calendar.config
    return {
        'uri': user_uri(calendar), 'name': config.host, 'slug': config.host_slug, 'email': config.host_email,
        'scheduling_url': f'{config.calendly_api}/{config.host_slug}', 'timezone': config.host_timezone,
        'avatar_url': None, 'created_at': '2024-01-02T03:04:05.678123Z', 'locale': 'en',
        'resource_type': 'User',
        'updated_at': '2024-01-02T03:04:05.678123Z', 'current_organization': organization_uri(calendar),
        'time_notation': '12h',
    }  # fmt: skip


def event_type_uri(calendar: Calendar) -> str:
    """Return the URI of the event type."""
    return uri(calendar, 'event_types', calendar.event_type)


def event_type(calendar: Calendar) -> Json:
    """Return the event type."""
    config = calendar.config
    question = {
        'name': 'Phone number', 'type': 'phone_number', 'position': 0, 'enabled': True, 'required': False,
        'answer_choices': [], 'include_other': False,
    }  # fmt: skip
    profile = {'name': config.host, 'owner': user_uri(calendar), 'type': 'User'}
    if calendar.team:
        profile = {'name': 'Team', 'owner': uri(calendar, 'teams', calendar.organization), 'type': 'Team'}
    return {
        'uri': event_type_uri(calendar), 'name': config.event_name,
        'active': calendar.active, 'admin_managed': False, 'booking_method': 'instant', 'color': '#0b5d3b',
        'created_at': '2024-01-02T03:04:05.678123Z', 'custom_questions': [question],
        'deleted_at': calendar.deleted_at, 'is_paid': calendar.is_paid,
        'description_html': None, 'description_plain': None, 'duration': calendar.minutes,
        'duration_options': calendar.duration_options, 'internal_note': None, 'locale': 'en',
        'kind': calendar.kind, 'locations': [{'kind': calendar.location}],
        'pooling_type': calendar.pooling_type, 'position': 0, 'profile': profile,
        'scheduling_url': config.calendly_link, 'secret': calendar.secret, 'slug': config.event_slug,
        'type': 'StandardEventType', 'updated_at': '2024-01-02T03:04:05.678123Z',
        'start_time_increment': calendar.minutes, 'before_buffer': 0, 'after_buffer': 0,
    }  # fmt: skip


def made_event_type(calendar: Calendar, name: str, minutes: int, *, active: bool) -> Json:
    """Return an event type that was made through the API."""
    config, now = calendar.config, timestamp(calendar.now())
    slug = re.sub('[^a-z0-9]+', '-', name.lower()).strip('-')
    return event_type(calendar) | {
        'uri': uri(calendar, 'event_types', str(uuid.uuid4())), 'name': name, 'slug': slug,
        'scheduling_url': f'{config.calendly_api}/{config.host_slug}/{slug}', 'duration': minutes,
        'duration_options': None, 'active': active, 'secret': False, 'is_paid': False, 'deleted_at': None,
        'kind': 'solo', 'pooling_type': None, 'locations': None, 'custom_questions': [],
        'created_at': now, 'updated_at': now, 'start_time_increment': 30,
        'profile': {'name': config.host, 'owner': user_uri(calendar), 'type': 'User'},
    }  # fmt: skip


def find_event_type(calendar: Calendar, wanted: object) -> str | None:
    """Return the id of a made event type by its URI, '' for the calendar's own, None for another one."""
    if wanted == event_type_uri(calendar):
        return ''
    found = (key for key, made in calendar.made_event_types.items() if made['uri'] == wanted)
    return next(found, None)


def type_of_page(calendar: Calendar, link: Link | None, slug: str) -> str | None:
    """Return the event type that a page is for, by its link or by its slug; None where there is no such."""
    slugs = {key: made['slug'] for key, made in calendar.made_event_types.items() if made['active']}
    slugs |= {'': calendar.config.event_slug} if calendar.bookable else {}
    fitting = [key for key, each in slugs.items() if each == slug]
    return next((key for key in fitting if link is None or link.event_type == key), None)


def invitee_of(calendar: Calendar, key: str | None) -> Json:
    """Return what a booking of a made event type differs in."""
    made = calendar.made_event_types.get(key or '')
    return {'event_type': key, 'minutes': made['duration']} if made else {}


def scheduling_link(calendar: Calendar, link: Link) -> Json:
    """Return a single-use link."""
    of = calendar.made_event_types.get(link.event_type) or event_type(calendar)
    return {
        'booking_url': f'{calendar.config.calendly_api}/d/{link.id}/{of["slug"]}',
        'owner': of['uri'], 'owner_type': 'EventType',
    }  # fmt: skip


def share(calendar: Calendar, link: Link) -> Json:
    """Return a share; a setting that it does not change has the event type's value."""
    hours = [{'from': '09:00', 'to': '17:00'}]
    days = ('monday', 'tuesday', 'wednesday', 'thursday', 'friday')
    of = calendar.made_event_types.get(link.event_type) or event_type(calendar)
    inherited: Json = {
        'name': of['name'], 'duration': of['duration'], 'duration_options': of['duration_options'],
        'period_type': 'moving', 'start_date': None,
        'end_date': None, 'max_booking_time': int(HORIZON.total_seconds()) // 60,
        'min_booking_time': int(NOTICE.total_seconds()) // 60, 'hide_location': False,
        'location_configurations': [{
            'kind': calendar.location, 'position': 0, 'location': None, 'additional_info': None,
            'phone_number': None,
        }],
        'availability_rule': {
            'rules': [{'type': 'wday', 'wday': day, 'intervals': hours} for day in days],
            'timezone': calendar.config.host_timezone,
        },
    }  # fmt: skip
    status = 'booked' if link.used else 'expired' if calendar.has_expired(link) else 'active'
    return {
        'uri': uri(calendar, 'shares', link.uuid), 'status': status, 'contact': None,
        'created_at': timestamp(link.created), 'scheduling_links': [scheduling_link(calendar, link)],
        'share_override': inherited | link.settings,
    }  # fmt: skip


def location(calendar: Calendar, booking: Booking) -> Json:
    """Return the place of a meeting."""
    kind = calendar.location
    if kind == 'outbound_call':
        return {'type': kind, 'location': booking.phone}
    if kind == 'physical':
        return {'type': kind, 'location': '1 Sandbox Street', 'additional_info': None}
    status = booking.link_status or calendar.link_status  # initiated, processing, pushed, failed or null
    join = {'join_url': f'{uri(calendar, "events", booking.id)}/join'} if status == 'pushed' else {}
    return {'type': EVENT_KINDS.get(kind, kind), 'status': status, 'data': None} | join


def event_uri(calendar: Calendar, booking: Booking) -> str:
    """Return the URI of a booking's event."""
    return uri(calendar, 'scheduled_events', booking.id)


def invitee_uri(calendar: Calendar, booking: Booking) -> str:
    """Return the URI of a booking's invitee."""
    return f'{event_uri(calendar, booking)}/invitees/{booking.invitee}'


def scheduled_event(calendar: Calendar, booking: Booking) -> Json:
    """Return a scheduled event."""
    active = int(booking.status == 'active')
    membership = {
        'user': user_uri(calendar), 'user_email': calendar.config.host_email,
        'user_name': calendar.config.host,
        'buffered_start_time': timestamp(booking.start), 'buffered_end_time': timestamp(booking.end),
    }  # fmt: skip
    resource: Json = {
        'uri': event_uri(calendar, booking), 'name': _name(calendar, booking), 'status': booking.status,
        'start_time': timestamp(booking.start), 'end_time': timestamp(booking.end),
        'event_type': uri(calendar, 'event_types', booking.event_type),
        'location': location(calendar, booking), 'event_memberships': [membership], 'event_guests': [],
        'invitees_counter': {'total': 1, 'active': active, 'limit': 1}, 'calendar_event': None,
        'meeting_notes_plain': None, 'meeting_notes_html': None,
        'created_at': timestamp(booking.created), 'updated_at': timestamp(booking.updated),
    }  # fmt: skip
    return resource | ({'cancellation': booking.cancellation} if booking.cancellation else {})


def invitee(calendar: Calendar, booking: Booking) -> Json:
    """Return an invitee; the form has one name field, so first and last name are null."""
    config, old, new = calendar.config, booking.old, booking.new
    answers = [{'question': 'Phone number', 'answer': booking.phone, 'position': 0}] if booking.phone else []
    resource: Json = {
        'uri': invitee_uri(calendar, booking), 'email': booking.email, 'name': booking.name,
        'first_name': None, 'last_name': None, 'status': booking.status, 'timezone': booking.timezone,
        'event': event_uri(calendar, booking), 'questions_and_answers': answers,
        'tracking': {name: booking.tracking.get(name) or None for name in TRACKING},
        'text_reminder_number': booking.phone, 'rescheduled': booking.rescheduled,
        'old_invitee': invitee_uri(calendar, old) if old else None,
        'new_invitee': invitee_uri(calendar, new) if new else None,
        'cancel_url': f'{config.calendly_api}/cancellations/{booking.invitee}',
        'reschedule_url': f'{config.calendly_api}/reschedulings/{booking.invitee}',
        'routing_form_submission': None, 'payment': booking.payment, 'no_show': booking.no_show,
        'reconfirmation': None,
        'scheduling_method': booking.scheduling_method, 'invitee_scheduled_by': None,
        'created_at': timestamp(booking.created), 'updated_at': timestamp(booking.updated),
    }  # fmt: skip
    return resource | ({'cancellation': booking.cancellation} if booking.cancellation else {})


def payment(amount: str, currency: str, successful: bool) -> Json:
    """Return a payment that Calendly took, with the amount as a decimal number in a text."""
    return {
        'external_id': f'ch_{uuid.uuid4().hex}', 'provider': 'stripe', 'amount': amount, 'currency': currency,
        'terms': None, 'successful': successful,
    }  # fmt: skip


def subscription(calendar: Calendar, item: Subscription) -> Json:
    """Return a webhook subscription, without its signing key."""
    return {
        'uri': uri(calendar, 'webhook_subscriptions', item.id), 'callback_url': item.url,
        'events': item.events, 'created_at': timestamp(item.created), 'updated_at': timestamp(item.updated),
        'retry_started_at': timestamp(item.retry_started) if item.retry_started else None,
        'state': item.state, 'scope': item.scope, 'group': None,
        'organization': organization_uri(calendar),
        'user': user_uri(calendar) if item.scope == 'user' else None, 'creator': user_uri(calendar),
    }  # fmt: skip


def _name(calendar: Calendar, booking: Booking) -> str:
    made = calendar.made_event_types.get(booking.event_type)
    return str(made['name']) if made else calendar.config.event_name
