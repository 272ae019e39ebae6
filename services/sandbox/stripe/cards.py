"""Stripe's documented test cards and bank accounts, and the result of each."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from services.sandbox.types import Json


@dataclass(frozen=True)
class Card:
    """The result of a payment with a test number (https://docs.stripe.com/testing)."""

    does: str = 'pay'
    decline: str | None = None
    refund: str = 'succeeded'  # or 'pending' or 'failing': what becomes of a refund some time later


CARDS: dict[str, Card] = {
    '4242424242424242': Card(),
    '4000056655665556': Card(),
    '5555555555554444': Card(),
    '378282246310005': Card(),
    '4000000000000002': Card(decline='generic_decline'),
    '4000000000009995': Card(decline='insufficient_funds'),
    '4000000000009987': Card(decline='lost_card'),
    '4000000000009979': Card(decline='stolen_card'),
    '4000000000000069': Card(decline='expired_card'),
    '4000000000000127': Card(decline='incorrect_cvc'),
    '4000000000000119': Card(decline='processing_error'),
    '4000002500003155': Card(does='authenticate'),
    '4000002760003184': Card(does='authenticate'),
    '4000008400001629': Card(does='authenticate', decline='generic_decline'),
    '4000000000000259': Card(does='dispute'),
    '4000000000005423': Card(does='warn'),
    '4000000000009235': Card(does='review'),
    '4000000000007726': Card(refund='pending'),
    '4000000000005126': Card(refund='failing'),
}

# decline code -> (error code, message)
DECLINES: dict[str, tuple[str, str]] = {
    'generic_decline': ('card_declined', 'Your card was declined.'),
    'insufficient_funds': ('card_declined', 'Your card has insufficient funds.'),
    'lost_card': ('card_declined', 'Your card was declined.'),
    'stolen_card': ('card_declined', 'Your card was declined.'),
    'expired_card': ('expired_card', 'Your card has expired.'),
    'incorrect_cvc': ('incorrect_cvc', "Your card's security code is incorrect."),
    'processing_error': (
        'processing_error', 'An error occurred while processing your card. Try again in a little bit.',
    ),
    'test_mode_live_card': (
        'card_declined', 'Your card was declined. Your request was in test mode, but used a non test card.',
    ),
    'authentication_failed': (
        'payment_intent_authentication_failure',
        'We are unable to authenticate your payment method. Please choose a different payment method and '
        'try again.',
    ),
}  # fmt: skip

BANK_PAYS = '000123456789'
BANK_FAILS = '000222222227'
BRANDS = {'4': 'visa', '5': 'mastercard', '3': 'amex'}


def digits(text: str) -> str:
    """Return the digits of a text."""
    return ''.join(mark for mark in text if mark.isdecimal())


def luhn(number: str) -> bool:
    """Whether the check digit is right."""
    doubled = [int(mark) * (1 + index % 2) for index, mark in enumerate(reversed(number))]
    return sum(value - 9 * (value > 9) for value in doubled) % 10 == 0


def find_problem(number: str, expiry: str, cvc: str, today: datetime) -> tuple[str, str] | None:
    """Return the field and the message if a card is incomplete or invalid."""
    if len(number) < 13:
        return 'card', 'Your card number is incomplete.'
    if len(number) > 19 or not luhn(number):
        return 'card', 'Your card number is invalid.'
    month, year = parse_expiry(expiry)
    if not 1 <= month <= 12:
        return 'expiry', "Your card's expiration date is incomplete."
    if (year, month) < (today.year, today.month):
        return 'expiry', "Your card's expiration year is in the past."
    if len(digits(cvc)) not in (3, 4):
        return 'cvc', "Your card's security code is incomplete."
    return None


def parse_expiry(expiry: str) -> tuple[int, int]:
    """Return month and year of `12 / 34` or `12/2034`, or zeros."""
    month, _, year = expiry.partition('/')
    if not (digits(month) and digits(year)):
        return 0, 0
    return int(digits(month)), int(digits(year)) + (2000 if len(digits(year)) < 3 else 0)


def behaviour(number: str) -> Card:
    """Return the behaviour of a number; Stripe's test mode declines all but the test numbers."""
    return CARDS.get(number, Card(decline='test_mode_live_card'))


def fingerprint(number: str) -> str:
    """Return a value that is the same for the same number and does not reveal it."""
    return hashlib.sha256(f'sandbox:{number}'.encode()).hexdigest()[:16]


def refund_of(paid_by: Json) -> str:
    """Return what becomes of a refund of a charge that was paid like this."""
    mark = (paid_by.get('card') or {}).get('fingerprint')
    found = (card.refund for number, card in CARDS.items() if fingerprint(number) == mark)
    return next(found, 'succeeded')


def details(kind: str, number: str, expiry: str) -> Json:
    """Return the `payment_method_details` of a charge."""
    if kind != 'card':
        return {
            'type': kind,
            kind: {'fingerprint': fingerprint(number), 'last4': number[-4:]} | BANK_DETAILS[kind],
        }
    month, year = parse_expiry(expiry)
    brand = BRANDS.get(number[:1], 'visa')
    return {
        'type': 'card',
        'card': {
            'amount_authorized': None, 'brand': brand, 'country': 'US', 'exp_month': month, 'exp_year': year,
            'checks': dict.fromkeys(
                ('address_line1_check', 'address_postal_code_check', 'cvc_check'), 'pass'
            ),
            'fingerprint': fingerprint(number), 'funding': 'credit', 'installments': None,
            'last4': number[-4:],
            'mandate': None, 'network': brand, 'network_token': None, 'network_transaction_id': None,
            'regulated_status': 'unregulated', 'three_d_secure': None, 'wallet': None,
        },
    }  # fmt: skip


BANK_DETAILS: dict[str, Json] = {
    'us_bank_account': {
        'account_holder_type': 'individual', 'account_type': 'checking', 'bank_name': 'STRIPE TEST BANK',
        'payment_reference': None, 'routing_number': '110000000',
    },
    'sepa_debit': {'bank_code': '37040044', 'branch_code': None, 'country': 'DE', 'mandate': None},
    'bacs_debit': {'mandate': None, 'sort_code': '108800'},
}  # fmt: skip
