"""The tests; read them in this order: architecture, docs, unit, services, contract, pages, e2e."""
