"""Benchmarks of what is read from Calendly."""
