"""Calendly's webhook events that are no bookings (https://developer.calendly.com/api-docs)."""

import uuid

from services.sandbox.calendly import bookings, no_shows, resources
from services.sandbox.state import SandboxState
from services.sandbox.types import Json

KINDS = (
    'invitee_no_show.created', 'invitee_no_show.deleted',
    'event_type.created', 'event_type.updated', 'event_type.deleted',
    'meeting_recap.created', 'meeting_recap.updated', 'meeting_recap.deleted',
    'routing_form_submission.created',
    'contact.created', 'contact.updated', 'contact.deleted',
)  # fmt: skip
SCOPES = {'meeting_recap': 'user', 'routing_form_submission': 'organization'}
"""The only scope in which a family of events can be subscribed to."""

READ = {
    'invitee': 'scheduled_events:read', 'invitee_no_show': 'scheduled_events:read',
    'event_type': 'event_types:read', 'meeting_recap': 'meeting_recaps:read',
    'routing_form_submission': 'routing_forms:read', 'contact': 'contacts:read',
}  # fmt: skip


def scope_to_read(kind: str) -> str:
    """Return the scope that a token needs to subscribe to a kind of event, besides `webhooks:write`."""
    return READ[kind.partition('.')[0]]


def can_subscribe(kind: str, scope: str) -> bool:
    """Whether a subscription of this scope may name this kind of event."""
    return kind in (*bookings.EVENTS, *KINDS) and SCOPES.get(kind.partition('.')[0], scope) == scope


def send(state: SandboxState, kind: str, invitee: str) -> int:
    """Let an event happen, and send it to all who subscribed to it; return their number."""
    if kind not in KINDS:
        raise ValueError(f'known events: {", ".join(KINDS)}')
    if kind.startswith('invitee_no_show'):
        change = no_shows.mark if kind.endswith('created') else no_shows.unmark
        return change(state, state.calendar.invitees[invitee.rpartition('/')[2]])
    return bookings.send(state, kind, f'{kind}:{uuid.uuid4()}', _payload(state, kind))


def _payload(state: SandboxState, kind: str) -> Json:
    """Return the payload; of recaps and contacts no more is sent than what every resource has."""
    calendar, family = state.calendar, kind.partition('.')[0]
    now = resources.timestamp(state.now())
    if family == 'event_type':
        return resources.event_type(calendar)
    base = {
        'uri': resources.uri(calendar, f'{family}s', str(uuid.uuid4())), 'created_at': now, 'updated_at': now,
    }  # fmt: skip
    if family != 'routing_form_submission':
        return base
    return base | {
        'routing_form': resources.uri(calendar, 'routing_forms', str(uuid.uuid4())),
        'questions_and_answers': [], 'tracking': {}, 'result': None, 'submitter': None,
        'submitter_type': None,
    }  # fmt: skip
