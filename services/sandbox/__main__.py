"""`python -m services.sandbox`: both sandbox on a port, and the settings that point a shop at them."""

import argparse

import uvicorn

from services.sandbox.app import create_app
from services.sandbox.config import SandboxConfig


def settings(config: SandboxConfig) -> dict[str, str]:
    """The environment of a shop that talks to this sandbox."""
    return {
        'STRIPE_SECRET_KEY': config.secret_key,
        'STRIPE_PUBLISHABLE_KEY': config.publishable_key,
        'STRIPE_PRICE_ID': config.price,
        'STRIPE_WEBHOOK_SECRET': config.stripe_webhook_secret,
        'STRIPE_API_BASE': config.stripe_api,
        'CALENDLY_LINK': config.calendly_link,
        'CALENDLY_TOKEN': config.calendly_token,
        'CALENDLY_WEBHOOK_SIGNING_KEY': config.calendly_signing_key,
        'CALENDLY_API_BASE': config.calendly_api,
    }


def main() -> None:
    """Read the options, print the settings, serve until stopped."""
    options = argparse.ArgumentParser(prog='python -m services.sandbox', description=__doc__)
    options.add_argument('--host', default='127.0.0.1')
    options.add_argument('--port', type=int, default=4242)
    options.add_argument('--base', help='public address, default http://HOST:PORT')
    options.add_argument('--shop', default='http://localhost:3000', help='where webhooks go')
    given = options.parse_args()
    config = SandboxConfig(
        base=given.base or f'http://{given.host}:{given.port}',
        stripe_webhook=f'{given.shop}/webhooks/stripe',
        calendly_webhook=f'{given.shop}/webhooks/calendly',
        bank_settles_after=60,
    )
    for name, value in settings(config).items():
        print(f'{name}={value}')
    print(f'# panel: {config.base}/', flush=True)
    uvicorn.run(create_app(config), host=given.host, port=given.port, log_level='warning')


if __name__ == '__main__':
    main()
