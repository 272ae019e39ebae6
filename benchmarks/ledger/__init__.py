"""Benchmarks of a large ledger."""
