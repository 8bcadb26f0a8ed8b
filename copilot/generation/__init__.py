"""Generation: what writes an answer from the contexts it is given."""
