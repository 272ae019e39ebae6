"""The sandbox of Stripe."""
