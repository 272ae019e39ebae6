"""Fault injection: rules, the middleware that applies them, and dropped connections."""
