"""Which routes the product serves, as a shop with made-up keys registers them."""

import json
import os
import subprocess
import sys

from tests.docs.documents import ROOT

SETTINGS = {
    'STRIPE_SECRET_KEY': 'sk_test_routes',
    'STRIPE_PRICE_ID': 'price_routes',
    'STRIPE_WEBHOOK_SECRET': 'whsec_routes',
    'CALENDLY_LINK': 'https://calendly.com/coach/session',
    'CALENDLY_TOKEN': 'token',
    'CALENDLY_WEBHOOK_SIGNING_KEY': 'key',
    'ADMIN_PASSWORD': 'long enough to be one',
}
PROGRAM = """
import json, sys
from nicegui import app
from services.settings import parse_settings
from services.shop import build
from ui.server import assemble

def flat(routes):
    for route in routes:
        router = getattr(route, 'original_router', None)  # FastAPI keeps an included router whole
        yield from flat(router.routes) if router else [route]

assemble(build(parse_settings(json.loads(sys.argv[1]))))
routes = [(method, r.path) for r in flat(app.routes) for method in getattr(r, 'methods', None) or ()]
print(json.dumps([route for route in routes if not route[1].startswith('/_nicegui')]))
"""


def routes_of_the_product() -> set[tuple[str, str]]:
    """Method and path of every route of ours; a process of its own keeps the framework's globals clean."""
    command = [sys.executable, '-c', PROGRAM, json.dumps(SETTINGS)]
    environment = {'PATH': os.environ['PATH'], 'PYTHONPATH': str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return {(method, path) for method, path in json.loads(done.stdout)}
