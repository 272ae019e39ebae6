"""Benchmarks of the shop; each folder is a command that writes its section of RESULTS.md."""
