"""The bench of ingest."""
