"""The sandbox as one ASGI application: Stripe, Calendly, an SMTP server, the control API and the panel."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount

from services.sandbox.calendly import api as calendly_api
from services.sandbox.calendly import booking_pages
from services.sandbox.config import SandboxConfig
from services.sandbox.control import api as control_api
from services.sandbox.control import panel
from services.sandbox.faults.middleware import FaultMiddleware
from services.sandbox.mail import pages as mailbox_pages
from services.sandbox.seed import seed
from services.sandbox.state import SandboxState
from services.sandbox.stripe import api as stripe_api
from services.sandbox.stripe import payment_pages


def create_app(config: SandboxConfig | None = None) -> Starlette:
    """Create a sandbox with its own state, served at `config.base`; `app.state.sandbox` is that state."""
    state = SandboxState(config or SandboxConfig())
    seed(state)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await state.close()

    stripe = [*stripe_api.ROUTES, *payment_pages.ROUTES]
    calendly = [*calendly_api.ROUTES, *booking_pages.ROUTES]
    app = Starlette(
        routes=[
            Mount('/stripe', routes=stripe), Mount('/calendly', routes=calendly),
            *control_api.ROUTES, *panel.ROUTES, *mailbox_pages.ROUTES,
        ],
        middleware=[Middleware(FaultMiddleware, state=state)], lifespan=lifespan,
    )  # fmt: skip
    app.state.sandbox = state
    return app
