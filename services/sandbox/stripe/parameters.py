"""The parameters of each endpoint (https://docs.stripe.com/api)."""

from services.sandbox.stripe.validators import (
    Validator,
    boolean,
    email,
    integer,
    list_of,
    metadata,
    object_of,
    one_of,
    text,
    unsupported,
    url,
)

Validators = dict[str, Validator]

ENABLED = object_of({'enabled': boolean}, ('enabled',))
MESSAGE = object_of({'message': text(1200)}, ('message',))
NAME = object_of({'enabled': boolean, 'optional': boolean}, ('enabled',))
EXPAND: Validators = {'expand': list_of(text())}
CREATED = {'created': object_of({'gt': integer, 'gte': integer, 'lt': integer, 'lte': integer})}


def created(value: object, name: str) -> object:
    """Accept one time or a range."""
    return CREATED['created'](value, name) if isinstance(value, dict) else integer(value, name)


PAGE: Validators = EXPAND | {
    'limit': integer, 'starting_after': text(), 'ending_before': text(), 'created': created,
}  # fmt: skip
OF_PAYMENT: Validators = PAGE | {'charge': text(), 'payment_intent': text()}

LINE_ITEM = object_of(
    {
        'price': text(), 'quantity': integer,
        **dict.fromkeys(
            ('adjustable_quantity', 'dynamic_tax_rates', 'metadata', 'price_data', 'tax_rates'), unsupported
        ),
    }
)  # fmt: skip

INTENT_DATA = object_of(
    {
        'description': text(1000), 'metadata': metadata, 'receipt_email': email,
        'statement_descriptor': text(22), 'statement_descriptor_suffix': text(22),
        **dict.fromkeys(
            ('application_fee_amount', 'capture_method', 'on_behalf_of', 'setup_future_usage', 'shipping',
             'transfer_data', 'transfer_group'), unsupported
        ),
    }
)  # fmt: skip

SESSION_CREATE: Validators = EXPAND | {
    'adaptive_pricing': object_of({'enabled': boolean}),
    'allow_promotion_codes': boolean,
    'automatic_tax': object_of({'enabled': boolean, 'liability': unsupported}, ('enabled',)),
    'billing_address_collection': one_of('auto', 'required'),
    'branding_settings': object_of({
        'display_name': text(), 'button_color': text(), 'background_color': text(), 'font_family': text(),
        'border_style': one_of('pill', 'rectangular', 'rounded'), 'icon': unsupported, 'logo': unsupported,
    }),
    'cancel_url': url,
    'client_reference_id': text(200),
    'consent_collection': object_of(
        {
            'terms_of_service': one_of('none', 'required'), 'promotions': one_of('auto', 'none'),
            'payment_method_reuse_agreement': unsupported,
        }
    ),
    'currency': text(3),
    'custom_text': object_of({
        'after_submit': MESSAGE, 'submit': MESSAGE, 'terms_of_service_acceptance': MESSAGE,
        'shipping_address': MESSAGE,
    }),
    'customer_creation': one_of('always', 'if_required'),
    'customer_email': email,
    'excluded_payment_method_types': list_of(text()),
    'expires_at': integer,
    'invoice_creation': object_of({'enabled': boolean, 'invoice_data': unsupported}, ('enabled',)),
    'line_items': list_of(LINE_ITEM),
    'locale': text(),
    'metadata': metadata,
    'mode': one_of('payment', 'setup', 'subscription'),
    'name_collection': object_of({'business': NAME, 'individual': unsupported}),
    'payment_intent_data': INTENT_DATA,
    'phone_number_collection': ENABLED,
    'submit_type': one_of('auto', 'book', 'donate', 'pay', 'subscribe'),
    'success_url': url,
    'tax_id_collection': object_of(
        {'enabled': boolean, 'required': one_of('if_supported', 'never')}, ('enabled',)
    ),
    'ui_mode': one_of('elements', 'embedded_page', 'form', 'hosted_page'),
    **dict.fromkeys(
        ('after_expiration', 'allowed_payment_method_types', 'custom_fields', 'customer',
         'customer_account', 'customer_update', 'discounts',
         'integration_identifier', 'managed_payments', 'optional_items',
         'origin_context', 'payment_method_collection', 'payment_method_configuration', 'payment_method_data',
         'payment_method_options', 'permissions', 'redirect_on_completion', 'return_url',
         'saved_payment_method_options', 'setup_intent_data', 'shipping_address_collection',
         'shipping_options',
         'subscription_data', 'wallet_options'), unsupported
    ),
}  # fmt: skip

INTENT_CREATE: Validators = EXPAND | {
    'amount': integer, 'currency': text(3), 'confirm': boolean, 'payment_method': text(),
    'automatic_payment_methods': object_of(
        {'enabled': boolean, 'allow_redirects': one_of('always', 'never')}, ('enabled',)
    ),
    'description': text(1000), 'metadata': metadata, 'receipt_email': email, 'return_url': url,
    **dict.fromkeys(
        ('allowed_payment_method_types', 'amount_details', 'application_fee_amount', 'capture_method',
         'confirmation_method', 'confirmation_token', 'customer', 'customer_account',
         'error_on_requires_action', 'excluded_payment_method_types', 'hooks', 'mandate', 'mandate_data',
         'off_session', 'on_behalf_of', 'payment_details', 'payment_method_configuration',
         'payment_method_data', 'payment_method_options', 'radar_options', 'setup_future_usage', 'shipping',
         'statement_descriptor', 'statement_descriptor_suffix', 'transfer_data', 'transfer_group',
         'use_stripe_sdk'), unsupported
    ),
}  # fmt: skip

SESSION_LIST: Validators = PAGE | {
    'payment_intent': text(), 'status': one_of('complete', 'expired', 'open'),
    'customer_details': object_of({'email': text()}),
    **dict.fromkeys(('customer', 'customer_account', 'payment_link', 'subscription'), unsupported),
}  # fmt: skip

REFUND_CREATE: Validators = EXPAND | {
    'amount': integer, 'charge': text(), 'payment_intent': text(), 'metadata': metadata,
    'reason': one_of('duplicate', 'fraudulent', 'requested_by_customer'),
    **dict.fromkeys(
        ('currency', 'customer', 'instructions_email', 'origin', 'refund_application_fee',
         'reverse_transfer'),
        unsupported,
    ),
}  # fmt: skip

EVIDENCE = object_of(
    {
        **dict.fromkeys(
            ('access_activity_log', 'cancellation_policy_disclosure', 'cancellation_rebuttal',
             'duplicate_charge_explanation', 'product_description', 'refund_policy_disclosure',
             'refund_refusal_explanation', 'uncategorized_text'), text(20_000)
        ),
        **dict.fromkeys(
            ('billing_address', 'customer_email_address', 'customer_name', 'customer_purchase_ip',
             'duplicate_charge_id', 'service_date', 'shipping_address', 'shipping_carrier', 'shipping_date',
             'shipping_tracking_number'), text(5_000)
        ),
        **dict.fromkeys(
            ('cancellation_policy', 'customer_communication', 'customer_signature',
             'duplicate_charge_documentation', 'enhanced_evidence', 'receipt', 'refund_policy',
             'service_documentation', 'shipping_documentation', 'uncategorized_file'), unsupported
        ),
    }
)  # fmt: skip
DISPUTE_UPDATE: Validators = EXPAND | {'evidence': EVIDENCE, 'metadata': metadata, 'submit': boolean}

DESTINATION_LIST: Validators = {
    'include': list_of(one_of('webhook_endpoint.url')), 'limit': integer, 'page': unsupported,
}  # fmt: skip
EVENT_LIST: Validators = PAGE | {'type': text(), 'types': list_of(text()), 'delivery_success': boolean}
PRICE_LIST: Validators = PAGE | {
    'active': boolean, 'product': text(), 'type': one_of('one_time', 'recurring'), 'currency': text(3),
    'lookup_keys': unsupported, 'recurring': unsupported,
}  # fmt: skip
PRODUCT_LIST: Validators = PAGE | {
    'active': boolean, 'ids': list_of(text()), 'shippable': boolean, 'url': text(),
}  # fmt: skip
PRODUCT: Validators = {
    'active': boolean, 'metadata': metadata, 'name': text(), 'statement_descriptor': text(22),
    'unit_label': text(12), 'tax_code': text(), 'id': text(),
}  # fmt: skip
PRODUCT_CREATE: Validators = EXPAND | PRODUCT | {
    'description': text(40_000), 'images': list_of(text()), 'shippable': boolean, 'url': text(),
    **dict.fromkeys(('default_price_data', 'marketing_features', 'package_dimensions'), unsupported),
}  # fmt: skip
PRICE_CREATE: Validators = EXPAND | {
    'active': boolean, 'billing_scheme': one_of('per_unit'), 'currency': text(3), 'lookup_key': text(200),
    'metadata': metadata, 'nickname': text(), 'product': text(),
    'product_data': object_of(PRODUCT, ('name',)),
    'tax_behavior': one_of('exclusive', 'inclusive', 'unspecified'), 'unit_amount': integer,
    **dict.fromkeys(
        ('currency_options', 'custom_unit_amount', 'recurring', 'tiers', 'tiers_mode', 'transfer_lookup_key',
         'transform_quantity', 'unit_amount_decimal'), unsupported
    ),
}  # fmt: skip
ENDPOINT_UPDATE: Validators = EXPAND | {
    'description': text(), 'disabled': boolean, 'enabled_events': list_of(text()), 'metadata': metadata,
    'url': url,
}  # fmt: skip
ENDPOINT_CREATE: Validators = EXPAND | {
    'api_version': text(), 'connect': unsupported, 'description': text(), 'enabled_events': list_of(text()),
    'metadata': metadata, 'url': url,
}  # fmt: skip
