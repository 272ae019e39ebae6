"""Addresses of Stripe's Dashboard, for the operator."""


def dashboard_url(payment_id: str, mode: str) -> str:
    """Return the address of a payment in the Dashboard; '' where there is none.

    Args:
        payment_id: Stripe's id of the payment.
        mode: live, test or demo.
    """
    places = {'live': 'https://dashboard.stripe.com', 'test': 'https://dashboard.stripe.com/test'}
    return f'{places[mode]}/payments/{payment_id}' if payment_id and mode in places else ''
