"""`python -m services.sandbox`: serve the sandbox and print the settings of a shop that uses it."""

import argparse

import uvicorn

from services.sandbox.app import create_app
from services.sandbox.calendly.rate_limit import PLANS
from services.sandbox.config import SandboxConfig


def main() -> None:
    """Parse the arguments, print the settings and run the server."""
    parser = argparse.ArgumentParser(prog='python -m services.sandbox', description=__doc__)
    parser.add_argument('--host', default='127.0.0.1')
    parser.add_argument('--port', type=int, default=4242)
    parser.add_argument('--smtp-port', type=int, help='port for mail, default the next after --port')
    parser.add_argument('--base', help='public URL, default http://HOST:PORT')
    parser.add_argument(
        '--shop', default='http://localhost:3000', help='URL of the shop that receives the webhooks'
    )
    parser.add_argument(
        '--calendly-plan', choices=tuple(PLANS), default='paid', help='decides the calls a minute of its API'
    )
    options = parser.parse_args()
    config = SandboxConfig(
        base=options.base or f'http://{options.host}:{options.port}',
        stripe_webhook=f'{options.shop}/webhooks/stripe',
        calendly_webhook=f'{options.shop}/webhooks/calendly',
        bank_settles_after=60,
        smtp_host=options.host,
        smtp_port=options.smtp_port or options.port + 1,
        calendly_plan=options.calendly_plan,
    )
    for name, value in (config.settings() | config.mail_settings()).items():
        print(f'{name}={value}')
    print(f'# panel: {config.base}/', flush=True)
    uvicorn.run(
        create_app(config), host=options.host, port=options.port, log_level='warning', date_header=False
    )


if __name__ == '__main__':
    main()
