"""Benchmarks: what the product costs, measured through its own interfaces."""
