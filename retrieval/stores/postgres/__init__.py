"""Postgres with pgvector: the system of record."""
