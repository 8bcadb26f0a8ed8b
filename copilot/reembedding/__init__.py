"""Re-embedding: the change from one embedding model to another, beside serving."""
