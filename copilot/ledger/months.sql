-- name: make
SELECT make_ledger_months()
