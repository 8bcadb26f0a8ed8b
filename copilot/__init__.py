"""Copilot: a governed GraphRAG backend over GraphQL."""
