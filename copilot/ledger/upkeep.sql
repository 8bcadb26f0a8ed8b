-- name: months
SELECT make_ledger_months()
-- name: mark
SELECT mark_ledger(%(most)s) AS records
