"""Retrieval: vector, keyword and graph, fused, within a scope."""
