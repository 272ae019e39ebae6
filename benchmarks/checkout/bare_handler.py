"""The least a checkout can do: FastAPI and Stripe's SDK open a session and redirect; nothing is stored."""

import os

import stripe
import uvicorn
from fastapi import FastAPI
from fastapi.responses import PlainTextResponse, RedirectResponse, Response

DOMAIN = os.environ.get('DOMAIN', '')


def create_app() -> FastAPI:
    """Make the application."""
    app = FastAPI()
    client = stripe.StripeClient(
        os.environ['STRIPE_SECRET_KEY'],
        base_addresses={'api': os.environ['STRIPE_API_BASE']},
        http_client=stripe.HTTPXClient(),
    )
    stripe.enable_telemetry = False

    @app.post('/checkout')
    async def checkout() -> Response:
        session = await client.v1.checkout.sessions.create_async(
            {
                'mode': 'payment',
                'line_items': [{'price': os.environ['STRIPE_PRICE_ID'], 'quantity': 1}],
                'success_url': f'{DOMAIN}/success?session_id={{CHECKOUT_SESSION_ID}}',
                'cancel_url': DOMAIN,
            }
        )
        return RedirectResponse(str(session.url), 303)

    @app.get('/healthz')
    def healthz() -> Response:
        return PlainTextResponse('ok')

    return app


if __name__ == '__main__':
    uvicorn.run(create_app(), host='127.0.0.1', port=int(os.environ['PORT']), log_level='warning')
