"""What a stranger needs to check the ledger: RFC 9162 trees, C2SP checkpoints, DSSE; no input or output."""
