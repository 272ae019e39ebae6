"""New payment intents, charges, refunds and disputes as JSON, and how charges change."""

from services.sandbox.state import SandboxState, Session, new_id
from services.sandbox.stripe.objects import NO_ADDRESS, payment_methods
from services.sandbox.types import Json


def intent(state: SandboxState, session: Session) -> Json:
    """Create a payment intent (https://docs.stripe.com/api/payment_intents/object)."""
    key = new_id('pi_3')
    params = session.params.get('payment_intent_data', {})
    empty = (
        'application', 'application_fee_amount', 'automatic_payment_methods', 'canceled_at',
        'cancellation_reason',
        'customer', 'customer_account', 'excluded_payment_method_types', 'last_payment_error',
        'latest_charge',
        'next_action', 'on_behalf_of', 'payment_method', 'payment_method_configuration_details', 'processing',
        'review', 'setup_future_usage', 'shipping', 'transfer_data', 'transfer_group',
    )  # fmt: skip
    return dict.fromkeys(empty) | {
        'id': key, 'object': 'payment_intent', 'amount': session.total, 'amount_capturable': 0,
        'amount_received': 0, 'capture_method': 'automatic_async',
        'client_secret': f'{key}_secret_{new_id("")}',
        'confirmation_method': 'automatic', 'created': state.timestamp(), 'currency': session.currency,
        'description': params.get('description'), 'livemode': False, 'metadata': params.get('metadata', {}),
        'payment_method_options': {}, 'payment_method_types': payment_methods(session.currency),
        'receipt_email': params.get('receipt_email'), 'source': None,
        'statement_descriptor': params.get('statement_descriptor'),
        'statement_descriptor_suffix': params.get('statement_descriptor_suffix'),
        'status': 'requires_payment_method',
    }  # fmt: skip


def charge(state: SandboxState, session: Session, paid_by: Json, status: str) -> Json:
    """Create a charge (https://docs.stripe.com/api/charges/object)."""
    key = new_id('ch_3')
    params = session.params.get('payment_intent_data', {})
    payer = session.payer or {}
    empty = (
        'application', 'application_fee', 'application_fee_amount', 'balance_transaction', 'customer',
        'failure_balance_transaction', 'failure_code', 'failure_message', 'on_behalf_of', 'receipt_number',
        'review', 'shipping', 'source_transfer', 'transfer_data', 'transfer_group', 'source',
    )  # fmt: skip
    return dict.fromkeys(empty) | {
        'id': key, 'object': 'charge', 'amount': session.total, 'amount_captured': 0, 'amount_refunded': 0,
        'billing_details': {
            'address': payer.get('address') or NO_ADDRESS, 'email': payer.get('email'),
            'name': payer.get('name'), 'phone': payer.get('phone'), 'tax_id': None,
        },
        'calculated_statement_descriptor': 'SANDBOX', 'captured': False, 'created': state.timestamp(),
        'currency': session.currency, 'description': params.get('description'), 'disputed': False,
        'fraud_details': {}, 'livemode': False, 'metadata': params.get('metadata', {}), 'outcome': None,
        'paid': False, 'payment_intent': session.intent, 'payment_method': new_id('pm_1'),
        'payment_method_details': paid_by, 'radar_options': {}, 'receipt_email': params.get('receipt_email'),
        'receipt_url': f'{state.config.stripe_api}/receipts/{key}', 'refunded': False,
        'statement_descriptor': params.get('statement_descriptor'),
        'statement_descriptor_suffix': params.get('statement_descriptor_suffix'), 'status': status,
    }  # fmt: skip


def mark_succeeded(charge: Json) -> None:
    """Mark a charge as paid."""
    charge |= {
        'amount_captured': charge['amount'], 'balance_transaction': new_id('txn_3'), 'captured': True,
        'paid': True, 'status': 'succeeded',
        'outcome': {
            'advice_code': None, 'network_advice_code': None, 'network_decline_code': None,
            'network_status': 'approved_by_network', 'reason': None, 'risk_level': 'normal', 'risk_score': 20,
            'seller_message': 'Payment complete.', 'type': 'authorized',
        },
    }  # fmt: skip


def mark_failed(charge: Json, code: str, message: str, reason: str) -> None:
    """Mark a charge as declined."""
    charge |= {
        'failure_code': code, 'failure_message': message, 'status': 'failed',
        'outcome': {
            'advice_code': None, 'network_advice_code': None, 'network_decline_code': None,
            'network_status': 'declined_by_network', 'reason': reason, 'risk_level': 'normal',
            'risk_score': 20,
            'seller_message': 'The bank did not return any further details with this decline.',
            'type': 'issuer_declined',
        },
    }  # fmt: skip


def payment_error(charge: Json, code: str, message: str, reason: str) -> Json:
    """Return the `last_payment_error` of an intent."""
    return {
        'charge': charge['id'], 'code': code, 'decline_code': reason, 'message': message,
        'type': 'card_error', 'doc_url': f'https://stripe.com/docs/error-codes/{code.replace("_", "-")}',
    }  # fmt: skip


def refund(state: SandboxState, charge: Json, amount: int, reason: str | None, metadata: Json) -> Json:
    """Create a refund (https://docs.stripe.com/api/refunds/object)."""
    kind = charge['payment_method_details']['type']
    card = {'reference_status': 'pending', 'reference_type': 'acquirer_reference_number', 'type': 'refund'}
    more: Json = {'type': 'card', 'card': card}
    bank: Json = {
        'type': 'us_bank_transfer',
        'us_bank_transfer': {'reference': None, 'reference_status': None},
    }
    return {
        'id': new_id('re_3'), 'object': 'refund', 'amount': amount, 'balance_transaction': new_id('txn_3'),
        'charge': charge['id'], 'created': state.timestamp(), 'currency': charge['currency'],
        'destination_details': more if kind == 'card' else bank, 'metadata': metadata,
        'payment_intent': charge['payment_intent'], 'reason': reason, 'receipt_number': None,
        'source_transfer_reversal': None, 'status': 'succeeded', 'transfer_reversal': None,
    }  # fmt: skip


EVIDENCE = (
    'access_activity_log', 'billing_address', 'cancellation_policy', 'cancellation_policy_disclosure',
    'cancellation_rebuttal', 'customer_communication', 'customer_email_address', 'customer_name',
    'customer_purchase_ip', 'customer_signature', 'duplicate_charge_documentation',
    'duplicate_charge_explanation', 'duplicate_charge_id', 'product_description', 'receipt', 'refund_policy',
    'refund_policy_disclosure', 'refund_refusal_explanation', 'service_date', 'service_documentation',
    'shipping_address', 'shipping_carrier', 'shipping_date', 'shipping_documentation',
    'shipping_tracking_number', 'uncategorized_file', 'uncategorized_text',
)  # fmt: skip


def instructions(state: SandboxState, session: Session) -> Json:
    """Return the `next_action` of a bank account that the customer verifies by small deposits."""
    page = f'{state.config.stripe_api}/instructions/{session.id}'
    return {
        'type': 'verify_with_microdeposits',
        'verify_with_microdeposits': {
            'arrival_date': state.timestamp() + 2 * 86400, 'hosted_verification_url': page,
            'microdeposit_type': 'descriptor_code',
        },
    }  # fmt: skip


def dispute(state: SandboxState, charge: Json, reason: str, amount: int) -> Json:
    """Create a dispute over an amount of a charge (https://docs.stripe.com/api/disputes/object)."""
    now = state.timestamp()
    return {
        'id': new_id('du_1'), 'object': 'dispute', 'amount': amount, 'balance_transactions': [],
        'charge': charge['id'], 'created': now, 'currency': charge['currency'],
        'enhanced_eligibility_types': [], 'evidence': dict.fromkeys(EVIDENCE) | {'enhanced_evidence': {}},
        'evidence_details': {
            'due_by': now + 7 * 86400, 'enhanced_eligibility': {}, 'has_evidence': False, 'past_due': False,
            'submission_count': 0,
        },
        'is_charge_refundable': False, 'livemode': False, 'metadata': {},
        'payment_intent': charge['payment_intent'],
        'payment_method_details': {
            'type': 'card',
            'card': {'brand': 'visa', 'case_type': 'chargeback', 'network_reason_code': '10.4'},
        },
        'reason': reason, 'status': 'needs_response',
    }  # fmt: skip
