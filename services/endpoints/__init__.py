"""The HTTP endpoints for machines: webhooks, JSON, health and counters."""
