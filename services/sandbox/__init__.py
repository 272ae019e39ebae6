"""A stateful sandbox of Stripe and Calendly over HTTP, for the demo and the tests."""

from services.sandbox.app import create_app
from services.sandbox.config import SandboxConfig

__all__ = ['SandboxConfig', 'create_app']
