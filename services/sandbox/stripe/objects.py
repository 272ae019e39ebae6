"""Checkout sessions, prices, products and the account as JSON, complete by Stripe's OpenAPI description."""

from services.sandbox.state import SandboxState, Session
from services.sandbox.types import Json

BANKS = {'usd': 'us_bank_account', 'eur': 'sepa_debit', 'gbp': 'bacs_debit'}
BRANDING: Json = {
    'background_color': '#ffffff', 'border_style': 'rounded', 'button_color': '#0074d4',
    'display_name': 'Sandbox Coaching', 'font_family': 'default', 'icon': None, 'logo': None,
}  # fmt: skip
OPTIONAL = ('excluded_payment_method_types',)  # left out of the object unless they were sent
NO_ADDRESS: Json = dict.fromkeys(('city', 'country', 'line1', 'line2', 'postal_code', 'state'))


def payment_methods(currency: str) -> list[str]:
    """Return the payment method types of a currency: cards, and a bank debit if there is one."""
    return ['card', *([BANKS[currency]] if currency in BANKS else [])]


def offered_methods(item: Session) -> list[str]:
    """Return the payment method types of a session: those of its currency that it does not exclude."""
    excluded = item.params.get('excluded_payment_method_types', [])
    return [kind for kind in payment_methods(item.currency) if kind not in excluded]


def hosted_url(state: SandboxState, session: Session) -> str | None:
    """Return the URL of the payment page of an open session."""
    if session.status != 'open':
        return None
    return f'{state.config.stripe_api}/pay/{session.id}#fidkdWxOYHwnPyd1blpxYHZxWjA0'


def session(state: SandboxState, item: Session) -> Json:
    """Return a checkout session (https://docs.stripe.com/api/checkout/sessions/object)."""
    return (
        {'id': item.id, 'object': 'checkout.session'}
        | _parameters(item)
        | _results(state, item)
        | _constants()
    )


def _parameters(item: Session) -> Json:
    params = item.params
    consent = params.get('consent_collection')
    texts = ('after_submit', 'shipping_address', 'submit', 'terms_of_service_acceptance')
    return {
        'adaptive_pricing': {'enabled': params.get('adaptive_pricing', {}).get('enabled', True)},
        'allow_promotion_codes': params.get('allow_promotion_codes'),
        'billing_address_collection': params.get('billing_address_collection'),
        'branding_settings': BRANDING | params.get('branding_settings', {}),
        'cancel_url': params.get('cancel_url'),
        'client_reference_id': params.get('client_reference_id'),
        'consent_collection': consent and {
            'payment_method_reuse_agreement': None, 'promotions': 'none', 'terms_of_service': 'none',
            **consent,
        },
        'created': item.created,
        'currency': item.currency,
        'custom_text': {name: params.get('custom_text', {}).get(name) for name in texts},
        'customer_creation': params.get('customer_creation', 'if_required'),
        'customer_email': params.get('customer_email'),
        'expires_at': item.expires_at,
        'locale': params.get('locale'),
        'metadata': params.get('metadata', {}),
        'mode': params['mode'],
        'phone_number_collection': params.get('phone_number_collection', {'enabled': False}),
        'submit_type': params.get('submit_type'),
        'success_url': params.get('success_url'),
        'ui_mode': params.get('ui_mode', 'hosted_page'),
    } | {name: params[name] for name in OPTIONAL if name in params} | _collected(params)  # fmt: skip


def makes_customer(item: Session) -> bool:
    """Whether paying makes a customer (docs.stripe.com/api/checkout/sessions/create, `customer_creation`)."""
    wants_invoice = item.params.get('invoice_creation', {}).get('enabled', False)
    return wants_invoice or item.params.get('customer_creation') == 'always'


def _collected(params: Json) -> Json:
    """Return what is asked of a business, where that was sent."""
    collected: Json = {}
    if business := params.get('name_collection', {}).get('business'):
        collected['name_collection'] = {'business': {'optional': False} | business}
    if tax_ids := params.get('tax_id_collection'):
        collected['tax_id_collection'] = {'required': 'never'} | tax_ids
    return collected


def _results(state: SandboxState, item: Session) -> Json:
    accepted = item.payer and item.params.get('consent_collection', {}).get('terms_of_service') == 'required'
    return {
        'amount_subtotal': item.subtotal,
        'amount_total': item.total,
        'automatic_tax': _tax(item),
        'collected_information': item.payer and {
            'business_name': item.payer.get('business_name'), 'individual_name': None,
            'shipping_details': None,
        },
        'customer': item.customer,
        'invoice': item.invoice,
        'invoice_creation': _invoice_creation(item),
        'consent': {'promotions': None, 'terms_of_service': 'accepted'} if accepted else None,
        'customer_details': customer_details(item),
        'discounts': [{'coupon': None, 'promotion_code': item.promotion}] if item.promotion else [],
        'payment_intent': item.intent,
        'payment_method_types': offered_methods(item),
        'payment_status': item.payment_status,
        'status': item.status,
        'total_details': {'amount_discount': item.discount, 'amount_shipping': 0, 'amount_tax': item.tax},
        'url': hosted_url(state, item),
    }  # fmt: skip


def _invoice_creation(item: Session) -> Json:
    invoice: Json = dict.fromkeys(
        ('account_tax_ids', 'custom_fields', 'description', 'footer', 'issuer', 'rendering_options')
    )
    enabled = item.params.get('invoice_creation', {}).get('enabled', False)
    return {'enabled': enabled, 'invoice_data': invoice | {'metadata': {}}}


def _tax(item: Session) -> Json:
    if not item.adds_tax:
        return {'enabled': False, 'liability': None, 'provider': None, 'status': None}
    status = 'complete' if item.taxed else 'requires_location_inputs'
    return {'enabled': True, 'liability': {'type': 'self'}, 'provider': 'stripe', 'status': status}


def customer_details(item: Session) -> Json | None:
    """Return the payer; before the payment only the e-mail that the shop passed, if any."""
    details: Json = {'tax_exempt': 'none', 'tax_ids': [], 'business_name': None, 'individual_name': None}
    if item.payer:
        return details | item.payer
    given = item.params.get('customer_email')
    if not given:
        return None
    return details | {'address': None, 'email': given, 'name': None, 'phone': None, 'tax_ids': None}


def _constants() -> Json:
    empty = (
        'after_expiration', 'client_secret', 'currency_conversion', 'customer_account',
        'integration_identifier', 'origin_context', 'payment_link',
        'payment_method_configuration_details',
        'permissions', 'recovered_from', 'saved_payment_method_options', 'setup_intent',
        'shipping_address_collection', 'shipping_cost', 'subscription', 'wallet_options',
    )  # fmt: skip
    return dict.fromkeys(empty) | {
        'custom_fields': [], 'livemode': False,
        'payment_method_collection': 'if_required', 'shipping_options': [],
        'payment_method_options': {'card': {'request_three_d_secure': 'automatic'}},
    }  # fmt: skip


def line_items(state: SandboxState, item: Session) -> Json:
    """Return the list of line items; a session includes it only on request."""
    line = {
        'id': f'li_{item.id[-24:]}', 'object': 'item', 'adjustable_quantity': None,
        'amount_discount': item.discount, 'amount_subtotal': item.subtotal, 'amount_tax': item.tax,
        'amount_total': item.total, 'currency': item.currency,
        'description': state.products[item.price['product']]['name'],
        'metadata': {}, 'price': item.price,
        'quantity': item.quantity,
    }  # fmt: skip
    url = f'/v1/checkout/sessions/{item.id}/line_items'
    return {'object': 'list', 'data': [line], 'has_more': False, 'url': url}


def price(key: str, product_id: str, amount: int, currency: str, created: int) -> Json:
    """Return a one-time price (https://docs.stripe.com/api/prices/object)."""
    return {
        'id': key, 'object': 'price', 'active': True, 'billing_scheme': 'per_unit', 'created': created,
        'currency': currency, 'custom_unit_amount': None, 'livemode': False, 'lookup_key': None,
        'metadata': {},
        'nickname': None, 'product': product_id, 'recurring': None, 'tax_behavior': 'unspecified',
        'tiers_mode': None, 'transform_quantity': None, 'type': 'one_time', 'unit_amount': amount,
        'unit_amount_decimal': str(amount),
    }  # fmt: skip


def product(key: str, name: str, price_id: str | None, created: int) -> Json:
    """Return a product (https://docs.stripe.com/api/products/object)."""
    return {
        'id': key, 'object': 'product', 'active': True, 'created': created, 'default_price': price_id,
        'description': None, 'images': [], 'livemode': False, 'marketing_features': [], 'metadata': {},
        'name': name, 'package_dimensions': None, 'shippable': None, 'statement_descriptor': None,
        'tax_code': None, 'type': 'service', 'unit_label': None, 'updated': created, 'url': None,
    }  # fmt: skip


def account(state: SandboxState) -> Json:
    """Return the account (https://docs.stripe.com/api/accounts/object)."""
    config = state.config
    return {
        'id': config.account, 'object': 'account', 'business_type': 'individual',
        'charges_enabled': state.dashboard.charges_enabled,
        'capabilities': dict.fromkeys(
            ('card_payments', 'transfers', 'us_bank_account_ach_payments'), 'active'
        ),
        'country': 'US', 'created': 1700000000, 'default_currency': config.currency,
        'details_submitted': True,
        'email': config.host_email, 'payouts_enabled': True, 'type': 'standard', 'metadata': {},
        'settings': {
            'branding': dict.fromkeys(('icon', 'logo', 'primary_color', 'secondary_color')),
            'card_payments': {
                'statement_descriptor_prefix': None, 'statement_descriptor_prefix_kana': None,
                'statement_descriptor_prefix_kanji': None,
            },
            'dashboard': {'display_name': config.business, 'timezone': 'Etc/UTC'},
            'payments': dict.fromkeys((
                'statement_descriptor', 'statement_descriptor_kana', 'statement_descriptor_kanji',
            )),
        },
    }  # fmt: skip
