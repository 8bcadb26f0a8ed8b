"""Months of the ledger: made ahead, archived and dropped, while what is left and what went still verify."""
