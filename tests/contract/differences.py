"""Where the SDK's API version (2026-10-28.endive) and the description (2026-05-27.dahlia) differ on purpose.

Every entry has a date and a reason. Remove an entry when the description is up to date.
"""

from typing import Any

TEXT: dict[str, Any] = {'anyOf': [{'type': 'string'}, {'type': 'null'}]}

# schema name -> fields accepted in responses in addition to the described ones
RESPONSES: dict[str, dict[str, Any]] = {
    # 2026-11-23: stripe 16.1 types `Product.type`; the hidden field has long been sent and is not described.
    'product': {'type': {'enum': ['good', 'service']}},
    # 2026-11-23: stripe 16.1 types `PaymentIntent.source` and `Charge.source`; both are still sent as null.
    'payment_intent': {'source': TEXT},
    'charge': {'source': TEXT},
}

# (method, path) -> parameters accepted in addition (`more`), and described ones that are refused (`fewer`)
REQUESTS: dict[tuple[str, str], dict[str, Any]] = {
    ('POST', '/v1/payment_intents'): {
        # 2026-11-26: endive renamed `payment_method_types` here too; stripe 16.1 has only the new name.
        'fewer': ('payment_method_types',),
        'more': {'allowed_payment_method_types': {'type': 'array', 'items': {'type': 'string'}}},
    },
    ('POST', '/v1/checkout/sessions'): {
        # 2026-11-23: endive renamed `payment_method_types`; stripe 16.1 has only the new name.
        'fewer': ('payment_method_types',),
        'more': {'allowed_payment_method_types': {'type': 'array', 'items': {'type': 'string'}}},
    },
}
