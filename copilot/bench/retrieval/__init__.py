"""`copilot bench retrieval`: how well the product's own search ranks, beside its arms, its controls and its peers."""
