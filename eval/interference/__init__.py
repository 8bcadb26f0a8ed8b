"""Pairwise non-interference: random corpora, asked with and without what one reader may not read."""
