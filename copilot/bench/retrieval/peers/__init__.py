"""Peers: what others do with the same passages, the same vectors and the same questions."""
