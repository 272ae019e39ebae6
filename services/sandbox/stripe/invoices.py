"""Invoices that Stripe makes of a paid session (docs.stripe.com/payments/checkout/receipts#paid-invoices)."""

from services.sandbox.state import SandboxState, Session, new_id
from services.sandbox.stripe import events
from services.sandbox.stripe.objects import customer_details
from services.sandbox.types import Json

NO_AMOUNTS = (
    'amount_due', 'amount_overpaid', 'amount_paid_off_stripe', 'amount_remaining', 'amount_shipping',
    'post_payment_credit_notes_amount', 'pre_payment_credit_notes_amount', 'starting_balance',
)  # fmt: skip


def make_invoice(state: SandboxState, session: Session) -> None:
    """Make the invoice of a session whose money has arrived, if the session wants one."""
    if session.params.get('invoice_creation', {}).get('enabled'):
        invoice = state.add(session, _invoice(state, session))
        session.invoice = invoice['id']
        events.record(state, 'invoice.paid', invoice)


def _invoice(state: SandboxState, session: Session) -> Json:
    """Return a paid invoice (https://docs.stripe.com/api/invoices/object)."""
    key, now, payer = new_id('in_1'), state.timestamp(), customer_details(session) or {}
    pages = f'{state.config.stripe_api}/invoices/{key}'
    return dict.fromkeys(NO_AMOUNTS, 0) | {
        'id': key, 'object': 'invoice', 'account_name': state.config.business, 'amount_paid': session.total,
        'amount_due': session.total, 'attempt_count': 0, 'attempted': True, 'auto_advance': False,
        'automatic_tax': {
            'disabled_reason': None, 'enabled': session.adds_tax, 'liability': None, 'provider': None,
            'status': None,
        },
        'billing_reason': 'manual', 'collection_method': 'charge_automatically', 'created': now,
        'currency': session.currency, 'customer': session.customer, 'customer_address': payer.get('address'),
        'customer_email': payer.get('email'),
        'customer_name': payer.get('business_name') or payer.get('name'),
        'customer_tax_ids': payer.get('tax_ids'), 'default_tax_rates': [], 'discounts': [],
        'hosted_invoice_url': pages, 'invoice_pdf': f'{pages}/pdf', 'issuer': {'type': 'self'},
        'lines': {
            'object': 'list', 'data': [_line(state, session, key, now)], 'has_more': False,
            'url': f'/v1/invoices/{key}/lines',
        },
        'livemode': False, 'metadata': {}, 'number': f'{key[-8:].upper()}-0001',
        'payment_settings': {
            'default_mandate': None, 'payment_method_options': None, 'payment_method_types': None,
        },
        'period_end': now, 'period_start': now, 'status': 'paid',
        'status_transitions': {
            'finalized_at': now, 'marked_uncollectible_at': None, 'paid_at': now, 'voided_at': None,
        },
        'subtotal': session.subtotal, 'total': session.total,
    }  # fmt: skip


def _line(state: SandboxState, session: Session, invoice: str, now: int) -> Json:
    return {
        'id': f'il_1{session.id[-24:]}', 'object': 'line_item', 'amount': session.subtotal,
        'currency': session.currency, 'description': state.products[session.price['product']]['name'],
        'discountable': True, 'discounts': [], 'invoice': invoice, 'livemode': False, 'metadata': {},
        'period': {'end': now, 'start': now}, 'quantity': session.quantity, 'subtotal': session.subtotal,
    }  # fmt: skip
