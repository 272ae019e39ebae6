"""Checkout sessions over plain HTTP: create and read them, and list their events."""

from typing import Any

import httpx

from tests.sandbox_client import SandboxClient

SESSIONS = '/stripe/v1/checkout/sessions'


def session_form(sandbox: SandboxClient, **more: str) -> dict[str, str]:
    """Return the form that creates a session."""
    return {
        'mode': 'payment', 'line_items[0][price]': sandbox.settings['STRIPE_PRICE_ID'],
        'line_items[0][quantity]': '1', 'cancel_url': 'https://shop.test/',
        'success_url': 'https://shop.test/success?session_id={CHECKOUT_SESSION_ID}',
        'payment_intent_data[metadata][order]': 'o-1', **more,
    }  # fmt: skip


def create_session(sandbox: SandboxClient, **more: str) -> str:
    """Create a session; return its id."""
    response = httpx.post(
        sandbox.base + SESSIONS, data=session_form(sandbox, **more),
        auth=(sandbox.settings['STRIPE_SECRET_KEY'], ''), trust_env=False,
    )  # fmt: skip
    return str(response.raise_for_status().json()['id'])


def read_session(http: httpx.Client, session: str) -> dict[str, Any]:
    """Return the session with its payment intent and charge."""
    params = {'expand[]': 'payment_intent.latest_charge'}
    found: dict[str, Any] = http.get(f'{SESSIONS}/{session}', params=params).json()
    return found


def event_types(http: httpx.Client) -> list[str]:
    """Return the types of all events, oldest first."""
    found = http.get('/stripe/v1/events', params={'limit': '100'}).json()['data']
    return [event['type'] for event in reversed(found)]
