"""Stripe's documented test cards and bank accounts, and what each of them does."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from services.sandbox.problems import Json


@dataclass(frozen=True)
class Card:
    """How a payment with one test number goes (https://docs.stripe.com/testing)."""

    does: str = 'pay'
    decline: str | None = None


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
}

# decline code -> (error code, words)
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
    """The digits of what somebody typed."""
    return ''.join(mark for mark in text if mark.isdecimal())


def luhn(number: str) -> bool:
    """Whether the check digit fits."""
    doubled = [int(mark) * (1 + index % 2) for index, mark in enumerate(reversed(number))]
    return sum(value - 9 * (value > 9) for value in doubled) % 10 == 0


def refusal(number: str, expiry: str, cvc: str, today: datetime) -> tuple[str, str] | None:
    """What is wrong with a card before anybody is asked: the field and the words."""
    if len(number) < 13:
        return 'card', 'Your card number is incomplete.'
    if len(number) > 19 or not luhn(number):
        return 'card', 'Your card number is invalid.'
    month, year = moment(expiry)
    if not 1 <= month <= 12:
        return 'expiry', "Your card's expiration date is incomplete."
    if (year, month) < (today.year, today.month):
        return 'expiry', "Your card's expiration year is in the past."
    if len(digits(cvc)) not in (3, 4):
        return 'cvc', "Your card's security code is incomplete."
    return None


def moment(expiry: str) -> tuple[int, int]:
    """Month and year of `12 / 34` or `12/2034`; zeros where it is none."""
    month, _, year = expiry.partition('/')
    if not (digits(month) and digits(year)):
        return 0, 0
    return int(digits(month)), int(digits(year)) + (2000 if len(digits(year)) < 3 else 0)


def behaviour(number: str) -> Card:
    """What a well-formed number does; one that is no test number is declined as in test mode."""
    return CARDS.get(number, Card(decline='test_mode_live_card'))


def fingerprint(number: str) -> str:
    """The same for the same number, and not the number."""
    return hashlib.sha256(f'sandbox:{number}'.encode()).hexdigest()[:16]


def details(kind: str, number: str, expiry: str) -> Json:
    """A charge's `payment_method_details`."""
    if kind != 'card':
        return {
            'type': kind,
            kind: {'fingerprint': fingerprint(number), 'last4': number[-4:]} | BANK_MORE[kind],
        }
    month, year = moment(expiry)
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


BANK_MORE: dict[str, Json] = {
    'us_bank_account': {
        'account_holder_type': 'individual', 'account_type': 'checking', 'bank_name': 'STRIPE TEST BANK',
        'payment_reference': None, 'routing_number': '110000000',
    },
    'sepa_debit': {'bank_code': '37040044', 'branch_code': None, 'country': 'DE', 'mandate': None},
    'bacs_debit': {'mandate': None, 'sort_code': '108800'},
}  # fmt: skip
