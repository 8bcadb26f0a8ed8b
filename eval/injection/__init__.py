"""Prompt injection: attacks planted in documents, a model that obeys them, and a judge of what comes out."""
