"""How one answer came about, told from its ledger entry: as W3C PROV and as a page for a case file."""
