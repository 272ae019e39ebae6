"""The crash test: kill the shop at every step of a purchase, start it again, and check its ledger."""
