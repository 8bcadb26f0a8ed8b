"""Offline evaluation: suites whose gates block a merge."""
