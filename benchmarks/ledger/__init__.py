"""Benchmark of a ledger with a million orders."""
