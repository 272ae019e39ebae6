"""HTTP endpoints for machines: webhooks, JSON, health and metrics."""
