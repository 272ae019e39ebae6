"""The parameters each played Stripe endpoint takes (https://docs.stripe.com/api)."""

from services.sandbox.stripe.shapes import (
    Shape,
    address,
    flag,
    group,
    listed,
    mail,
    metadata,
    not_played,
    one_of,
    text,
    whole,
)

Shapes = dict[str, Shape]

ENABLED = group({'enabled': flag}, ('enabled',))
WORDS = group({'message': text(1200)}, ('message',))
EXPAND: Shapes = {'expand': listed(text())}
CREATED = {'created': group({'gt': whole, 'gte': whole, 'lt': whole, 'lte': whole})}


def created(value: object, name: str) -> object:
    """Either one moment or a range of moments."""
    return CREATED['created'](value, name) if isinstance(value, dict) else whole(value, name)


PAGE: Shapes = EXPAND | {
    'limit': whole, 'starting_after': text(), 'ending_before': text(), 'created': created,
}  # fmt: skip
OF_PAYMENT: Shapes = PAGE | {'charge': text(), 'payment_intent': text()}

LINE_ITEM = group(
    {
        'price': text(), 'quantity': whole,
        **dict.fromkeys(
            ('adjustable_quantity', 'dynamic_tax_rates', 'metadata', 'price_data', 'tax_rates'), not_played
        ),
    }
)  # fmt: skip

INTENT_DATA = group(
    {
        'description': text(1000), 'metadata': metadata, 'receipt_email': mail,
        'statement_descriptor': text(22), 'statement_descriptor_suffix': text(22),
        **dict.fromkeys(
            ('application_fee_amount', 'capture_method', 'on_behalf_of', 'setup_future_usage', 'shipping',
             'transfer_data', 'transfer_group'), not_played
        ),
    }
)  # fmt: skip

SESSION_CREATE: Shapes = EXPAND | {
    'adaptive_pricing': group({'enabled': flag}),
    'allow_promotion_codes': flag,
    'automatic_tax': group({'enabled': flag, 'liability': not_played}, ('enabled',)),
    'billing_address_collection': one_of('auto', 'required'),
    'cancel_url': address,
    'client_reference_id': text(200),
    'consent_collection': group(
        {
            'terms_of_service': one_of('none', 'required'), 'promotions': one_of('auto', 'none'),
            'payment_method_reuse_agreement': not_played,
        }
    ),
    'currency': text(3),
    'custom_text': group({
        'after_submit': WORDS, 'submit': WORDS, 'terms_of_service_acceptance': WORDS,
        'shipping_address': WORDS,
    }),
    'customer_creation': one_of('always', 'if_required'),
    'customer_email': mail,
    'expires_at': whole,
    'line_items': listed(LINE_ITEM),
    'locale': text(),
    'metadata': metadata,
    'mode': one_of('payment', 'setup', 'subscription'),
    'payment_intent_data': INTENT_DATA,
    'phone_number_collection': ENABLED,
    'submit_type': one_of('auto', 'book', 'donate', 'pay', 'subscribe'),
    'success_url': address,
    'ui_mode': one_of('elements', 'embedded_page', 'form', 'hosted_page'),
    **dict.fromkeys(
        ('after_expiration', 'allowed_payment_method_types', 'branding_settings', 'custom_fields', 'customer',
         'customer_account', 'customer_update', 'discounts', 'excluded_payment_method_types',
         'integration_identifier', 'invoice_creation', 'managed_payments', 'name_collection',
         'optional_items',
         'origin_context', 'payment_method_collection', 'payment_method_configuration', 'payment_method_data',
         'payment_method_options', 'permissions', 'redirect_on_completion', 'return_url',
         'saved_payment_method_options', 'setup_intent_data', 'shipping_address_collection',
         'shipping_options',
         'subscription_data', 'tax_id_collection', 'wallet_options'), not_played
    ),
}  # fmt: skip

SESSION_LIST: Shapes = PAGE | {
    'payment_intent': text(), 'status': one_of('complete', 'expired', 'open'),
    'customer_details': group({'email': text()}),
    **dict.fromkeys(('customer', 'customer_account', 'payment_link', 'subscription'), not_played),
}  # fmt: skip

REFUND_CREATE: Shapes = EXPAND | {
    'amount': whole, 'charge': text(), 'payment_intent': text(), 'metadata': metadata,
    'reason': one_of('duplicate', 'fraudulent', 'requested_by_customer'),
    **dict.fromkeys(
        ('currency', 'customer', 'instructions_email', 'origin', 'refund_application_fee',
         'reverse_transfer'),
        not_played,
    ),
}  # fmt: skip

EVENT_LIST: Shapes = PAGE | {'type': text(), 'types': listed(text()), 'delivery_success': flag}
PRICE_LIST: Shapes = PAGE | {
    'active': flag, 'product': text(), 'type': one_of('one_time', 'recurring'), 'currency': text(3),
    'lookup_keys': not_played, 'recurring': not_played,
}  # fmt: skip
