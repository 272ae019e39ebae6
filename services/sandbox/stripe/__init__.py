"""Stripe: API, hosted payment page and events."""
