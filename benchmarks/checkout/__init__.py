"""Benchmark of the checkout: from the click to the redirect to Stripe."""
