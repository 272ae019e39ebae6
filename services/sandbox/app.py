"""Puts the sandbox together: one ASGI app with both sandbox, the panel and the faults."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount, Route

from services.sandbox.calendly import booking_pages, webhook_subscriptions
from services.sandbox.config import SandboxConfig
from services.sandbox.faults import api as fault_api
from services.sandbox.faults.middleware import FaultMiddleware
from services.sandbox.panel import panel
from services.sandbox.seed import fill
from services.sandbox.state import SandboxState
from services.sandbox.stripe import api as stripe_api
from services.sandbox.stripe import payment_pages


def create_app(config: SandboxConfig | None = None) -> Starlette:
    """One sandbox with a memory of its own, reached at `config.base`; `app.state.sandbox` is that memory."""
    state = SandboxState(config or SandboxConfig())
    fill(state)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await state.close()

    methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']
    stripe = [Route('/v1/{path:path}', stripe_api.answer, methods=methods), *payment_pages.ROUTES]
    calendly = [*webhook_subscriptions.ROUTES, *booking_pages.ROUTES]
    app = Starlette(
        routes=[
            Mount('/stripe', routes=stripe), Mount('/calendly', routes=calendly), *fault_api.ROUTES,
            *panel.ROUTES,
        ],
        middleware=[Middleware(FaultMiddleware, state=state)], lifespan=lifespan,
    )  # fmt: skip
    app.state.sandbox = state
    return app
