"""The ledger: what was done, by whom, under which policy, in a form that shows any change."""
