-- name: take
-- Losing the last moments in a crash is fair, waiting for the disk is not: nothing else is in the transaction.
SELECT take_from_rate_limit(%(bucket)s, %(cost)s, %(per_minute)s) AS wait_s
FROM set_config('synchronous_commit', 'off', true)
