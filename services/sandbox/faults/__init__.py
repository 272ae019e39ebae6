"""Faults staged in the sandbox, and what customers, banks and hosts do there."""
