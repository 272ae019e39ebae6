"""Stripe's objects in our terms."""

from typing import Any

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
def test_a_receipt_or_an_invoice_elsewhere_is_not_linked(url: str | None, kept: bool) -> None:
    """Only pages of Stripe are linked."""
    intent = {'id': 'pi_1', 'latest_charge': {'id': 'ch_1', 'receipt_url': url}}
    session = {'id': 'cs_1', 'payment_intent': intent, 'invoice': {'id': 'in_1', 'hosted_invoice_url': url}}
    facts = session_from(session).facts
    assert facts.receipt_url == facts.invoice_url == (url if kept else '')


@pytest.mark.parametrize(
    ('moved', 'lost'),
    [
        ([], 15000),
        ([(-15000, 'usd')], 15000),
        ([(-15000, 'usd'), (5000, 'usd')], 10000),
        ([(-13800, 'eur')], 15000),
        ([(-2250000, 'jpy')], 15000),
        ([(-13800, 'eur'), (5000, 'usd')], 15000),
    ],
)
def test_what_a_dispute_took_is_compared_in_the_currency_of_the_charge(
    moved: list[tuple[int, str]], lost: int
) -> None:
    """A balance in another currency says nothing of the charge's amount; then the dispute's amount counts."""
    dispute: dict[str, Any] = {'status': 'lost', 'amount': 15000, 'currency': 'usd'}
    dispute['balance_transactions'] = [{'amount': amount, 'currency': currency} for amount, currency in moved]
    charge = {'id': 'ch_1', 'amount': 15000, 'disputed': True, 'disputes': [dispute]}
    session = session_from({'id': 'cs_1', 'payment_intent': {'id': 'pi_1', 'latest_charge': charge}})
    assert session.facts.amount_lost == lost
