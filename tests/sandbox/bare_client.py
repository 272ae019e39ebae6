"""What a client without the SDK asks of the sandbox: a session, and how it stands."""

from typing import Any

import httpx

from tests.sandbox_client import SandboxClient


def opened(sandbox: SandboxClient, http: httpx.Client, **more: str) -> str:
    """Open a session; returns its id."""
    form = {
        'mode': 'payment', 'line_items[0][price]': sandbox.settings['STRIPE_PRICE_ID'],
        'line_items[0][quantity]': '1', 'cancel_url': 'https://shop.test/',
        'success_url': 'https://shop.test/success?session_id={CHECKOUT_SESSION_ID}',
        'payment_intent_data[metadata][order]': 'o-1', **more,
    }  # fmt: skip
    return str(http.post('/stripe/v1/checkout/sessions', data=form).raise_for_status().json()['id'])


def read(http: httpx.Client, session: str) -> dict[str, Any]:
    """The session with intent and charge."""
    params = {'expand[]': 'payment_intent.latest_charge'}
    found: dict[str, Any] = http.get(f'/stripe/v1/checkout/sessions/{session}', params=params).json()
    return found
