"""Stripe's objects in our terms."""

import pytest

from services.payments.translate import session_from


@pytest.mark.parametrize(
    ('url', 'kept'),
    [
        ('https://pay.stripe.com/receipts/1', True),
        ('https://stripe.com/receipts/1', True),
        ('http://pay.stripe.com/receipts/1', False),
        ('https://pay.stripe.com.evil.example/1', False),
        ('https://evilstripe.com/1', False),
        ('javascript:alert(1)', False),
        ('https://[', False),
        (None, False),
    ],
)
def test_a_receipt_elsewhere_is_not_linked(url: str | None, kept: bool) -> None:
    """Only pages of Stripe are linked."""
    intent = {'id': 'pi_1', 'latest_charge': {'id': 'ch_1', 'receipt_url': url}}
    facts = session_from({'id': 'cs_1', 'payment_intent': intent}).facts
    assert facts.receipt_url == (url if kept else '')
