"""Ingest: from files to labelled parts, chunks, postings, mentions and relations."""
