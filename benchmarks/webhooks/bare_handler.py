"""The least a webhook endpoint can do: verify with the SDK, read the session at Stripe, commit one row."""

import asyncio
import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import stripe
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse, Response

PAID = 'INSERT INTO paid (session, amount) VALUES (?, ?)'


def create_app() -> FastAPI:
    """Make the application."""
    app = FastAPI()
    secret, thread = os.environ['STRIPE_WEBHOOK_SECRET'], ThreadPoolExecutor(1)
    headers = {'Authorization': f'Bearer {os.environ["STRIPE_SECRET_KEY"]}'}
    http = httpx.AsyncClient(base_url=f'{os.environ["STRIPE_API_BASE"]}/v1', headers=headers)
    rows = sqlite3.connect('bare.db', check_same_thread=False, isolation_level=None)
    for statement in ('PRAGMA journal_mode=WAL', 'PRAGMA synchronous=FULL'):
        rows.execute(statement)
    rows.execute('CREATE TABLE IF NOT EXISTS paid (session TEXT NOT NULL, amount INTEGER NOT NULL)')

    @app.post('/webhooks/stripe')
    async def paid(request: Request) -> Response:
        body, signature = await request.body(), request.headers['stripe-signature']
        event: stripe.Event = stripe.Webhook.construct_event(body, signature, secret)
        params = {'expand[0]': 'payment_intent.latest_charge'}
        answer = await http.get(f'/checkout/sessions/{event.data.object["id"]}', params=params)
        session: dict[str, Any] = answer.raise_for_status().json()
        values = session['id'], session['amount_total']
        await asyncio.get_running_loop().run_in_executor(thread, rows.execute, PAID, values)
        return PlainTextResponse('thank you')

    @app.get('/healthz')
    def healthz() -> Response:
        return PlainTextResponse('ok')

    return app


if __name__ == '__main__':
    uvicorn.run(create_app(), host='127.0.0.1', port=int(os.environ['PORT']), log_level='warning')
