"""The crash test: a shop killed at every step of a purchase, started again, and its ledger compared."""
