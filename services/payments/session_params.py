"""The parameters of a new checkout session (docs.stripe.com/api/checkout/sessions/create)."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from services.orders import Order, metadata_of

# Methods whose money arrives days later, or only once the customer has paid a voucher
# (docs.stripe.com/payments/payment-methods: "delayed notification").
SLOW_METHODS = (
    'acss_debit',
    'au_becs_debit',
    'bacs_debit',
    'boleto',
    'customer_balance',
    'konbini',
    'multibanco',
    'nz_bank_account',
    'oxxo',
    'sepa_debit',
    'us_bank_account',
)
MESSAGE_LIMIT = 1200  # characters, in each custom text


@dataclass(frozen=True)
class CheckoutPage:
    """What the shop decides about Stripe's page.

    Attributes:
        name: the shop's name at the top of the page.
        accent: the colour of the pay button, ``#rrggbb``.
        refund_rule: a sentence beside the pay button, '' for none.
        terms_consent: whether customers must accept the terms; Stripe then wants their URL in the Dashboard.
        slow_methods: whether methods may be offered whose money arrives days later.
        asks_phone: whether customers must type a telephone number.
        invoices: whether Stripe makes an invoice, and asks for the name and the tax id of a business.
    """

    name: str = ''
    accent: str = ''
    refund_rule: str = ''
    terms_consent: bool = False
    slow_methods: bool = False
    asks_phone: bool = False
    invoices: bool = False


def session_params(
    order: Order, *, domain: str, page: CheckoutPage, skew: timedelta = timedelta()
) -> dict[str, Any]:
    """Return the parameters of an order's session.

    Every parameter whose absence means "your Dashboard setting" is sent: tax and adaptive pricing.

    Args:
        order: the order, already committed.
        domain: the shop's address, where customers come back to.
        page: what the shop decides about the page.
        skew: what to add to a time of ours for Stripe.
    """
    metadata, purchase = metadata_of(order), order.purchase
    params: dict[str, Any] = {
        'mode': 'payment',
        'line_items': [{'price': purchase.price_id, 'quantity': 1}],
        'currency': purchase.price.currency,
        'adaptive_pricing': {'enabled': False},
        'automatic_tax': {'enabled': order.allowed.taxes},
        'allow_promotion_codes': order.allowed.discounts,
        'submit_type': 'book',
        'success_url': f'{domain}/success?session_id={{CHECKOUT_SESSION_ID}}',
        'cancel_url': f'{domain}/?back=1',
        'client_reference_id': order.id,
        'metadata': metadata,
        # Refunds and disputes name the payment, not the session, so the payment must know the order too.
        'payment_intent_data': {
            'metadata': metadata,
            'description': f'{purchase.title} ({order.reference})',
        },
        'expires_at': int((order.session_expires_at + skew).timestamp()),
        'billing_address_collection': 'required',
        'phone_number_collection': {'enabled': page.asks_phone},
    }
    if page.name:
        params['branding_settings'] = {'display_name': page.name, 'button_color': page.accent}
    if page.refund_rule:
        params['custom_text'] = {'submit': {'message': page.refund_rule[:MESSAGE_LIMIT]}}
    if page.terms_consent:
        params['consent_collection'] = {'terms_of_service': 'required'}
    if page.invoices:
        params['invoice_creation'] = {'enabled': True}
        params['name_collection'] = {'business': {'enabled': True, 'optional': True}}
        params['tax_id_collection'] = {'enabled': True}
    if not page.slow_methods:
        params['excluded_payment_method_types'] = list(SLOW_METHODS)
    return params
