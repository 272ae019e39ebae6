"""Benchmark of the checkout."""
