"""Benchmarks of the webhook endpoint."""
