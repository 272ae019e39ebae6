"""Benchmarks of the shop.

``python -m benchmarks.checkout``, ``.webhooks``, ``.ledger`` and ``.pages`` write their sections of
``RESULTS.md``; ``make bench`` runs all four. ``python -m benchmarks.compare --before DIR`` compares another
checkout with this one and prints a table.
"""
