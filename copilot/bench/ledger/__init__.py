"""`copilot bench ledger`: what writing, sealing, proving and checking cost, as the log grows."""
