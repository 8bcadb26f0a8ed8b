"""Adapters of the retrieval ports to real stores."""
