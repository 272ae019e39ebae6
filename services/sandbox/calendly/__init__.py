"""Calendly: API, booking pages and webhooks."""
