"""Measurements of the shop, each a command that writes its numbers down."""
