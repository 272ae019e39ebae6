"""What is wrong with the event type that the shop sells, in words for the operator."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

from services.errors import CalendarUnavailable
from services.scheduling.api import answer_of

PUBLIC_LINK = 'Until then every customer gets the public link of the event type.'


@dataclass(frozen=True)
class CalendarProblem:
    """What is wrong with the calendar, and what to do about it.

    ``certain`` unless Calendly is silent; ``refused`` if it refuses the token, or the token lacks a scope;
    ``level`` is the one of the log line.
    """

    problem: str
    remedy: str
    certain: bool = True
    refused: bool = False
    level: int = logging.ERROR


def problem_of_event_type(event_type: Mapping[str, Any], minutes: int) -> CalendarProblem | None:
    """Return what is wrong with an event type as Calendly describes it (GET /event_types).

    Args:
        event_type: the resource.
        minutes: the length that is sold.
    """
    where = 'Calendly > Event types'
    if event_type.get('deleted_at'):
        return CalendarProblem(
            'the event type of CALENDLY_LINK was deleted at Calendly',
            f'Make an event type in {where} and put its link into CALENDLY_LINK.',
        )
    if not event_type.get('active', True):
        return CalendarProblem(
            'the event type of CALENDLY_LINK is switched off: no time can be booked',
            f'Switch it on: {where}.',
        )
    if event_type.get('is_paid'):
        return CalendarProblem(
            'the event type of CALENDLY_LINK takes a payment of its own: customers would pay twice',
            f'Remove the payment: {where} > your event type > Payment.',
        )
    lengths = {event_type.get('duration'), *(event_type.get('duration_options') or ())}
    if wrong := sorted(length for length in lengths if isinstance(length, int) and length != minutes):
        found = ', '.join(map(str, wrong))
        return CalendarProblem(
            f'the event type of CALENDLY_LINK can be booked for {found} minutes, and {minutes} are sold',
            f'Set the one duration to {minutes} minutes ({where}), or change `minutes` in site.toml.',
        )
    return None


def problem_of_error(error: CalendarUnavailable) -> CalendarProblem:
    """Return what an error of Calendly's API means: the token is refused, a right is missing, or silence."""
    answer = answer_of(error)
    if answer is not None and answer.status_code == 401:
        return CalendarProblem(
            'Calendly refuses CALENDLY_TOKEN',
            'Make a new token in Calendly > Integrations > API and webhooks, set CALENDLY_TOKEN and restart. '
            + PUBLIC_LINK,
            refused=True,
        )
    if answer is not None and answer.status_code == 403:
        scopes = ', '.join(required_scopes(error))
        lacks = f'lacks the scope {scopes}' if scopes else f'may not do what the shop needs: {error}'
        return CalendarProblem(
            f'CALENDLY_TOKEN {lacks}',
            'Make a token with the scopes that README lists, set CALENDLY_TOKEN and restart. ' + PUBLIC_LINK,
            refused=True,
        )
    if answer is not None and answer.is_client_error and answer.status_code != 429:
        return CalendarProblem(
            f'Calendly refuses a request of the shop: {error}',
            'Check that CALENDLY_LINK is an event type that single-use links can be made for. ' + PUBLIC_LINK,
        )
    return CalendarProblem(
        f'Calendly does not answer: {error}',
        'Check that this machine can reach api.calendly.com, and status.calendly.com.',
        certain=False,
        level=logging.WARNING,
    )


NOT_FOUND = CalendarProblem(
    'no event type of this Calendly account has the address in CALENDLY_LINK',
    'Copy the link of your event type from Calendly > Event types into CALENDLY_LINK. For an event type of a '
    'team, the token must belong to an admin of the organization. ' + PUBLIC_LINK,
)

NOTHING_FREE = CalendarProblem(
    'no time is free in the next 31 days',
    'Open more hours in Calendly > Availability. The landing page says it beside the button; '
    '`sell_without_free_times` in site.toml decides whether selling goes on.',
    level=logging.WARNING,
)


def problem_of_page(answer: httpx.Response, link: str) -> CalendarProblem | None:
    """Return what is wrong with the public page of the event type, as it was answered after all redirects.

    A page may be refused to machines (403, 429) or fail for a moment (5xx): that says nothing about it.
    """
    asked, last = urlsplit(link), answer.url
    if answer.status_code in (404, 410):
        return CalendarProblem(
            f'there is no event type at CALENDLY_LINK: Calendly answers {answer.status_code}',
            'Copy the link of your event type from Calendly > Event types into CALENDLY_LINK.',
        )
    if last.host != asked.hostname and not f'.{last.host}'.endswith('.calendly.com'):
        return CalendarProblem(
            f'CALENDLY_LINK leads away from Calendly, to {last.host}',
            'Copy the link of your event type from Calendly > Event types into CALENDLY_LINK.',
        )
    return None


def required_scopes(error: CalendarUnavailable) -> list[str]:
    """Return the scopes that a refusal names as missing."""
    answer = answer_of(error)
    try:
        scopes = answer.json().get('required_scopes') if answer is not None else None
    except (ValueError, AttributeError):
        return []
    return [str(scope) for scope in scopes] if isinstance(scopes, list) else []
