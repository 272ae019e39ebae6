"""Stateful sandbox of Stripe and Calendly on plain HTTP, for the demo and for tests."""

from services.sandbox.app import create_app
from services.sandbox.config import SandboxConfig

__all__ = ['SandboxConfig', 'create_app']
