"""Benchmarks of the pages, beside other ways of serving the same texts."""
