-- name: answer
SELECT answer_id, ledger_id, body FROM answers
WHERE (answer_id = %(id)s OR ledger_id = %(id)s) AND tenant = %(tenant)s AND label_ids <@ {labels}
-- name: entry
SELECT leaf FROM ledger_entries
WHERE ledger_id = %(ledger_id)s AND tenant = %(tenant)s AND label_id = ANY({labels})
-- name: openings
SELECT name, salt, value FROM ledger_openings WHERE ledger_id = %(ledger_id)s AND label_id = ANY({labels})
-- name: erased
SELECT DISTINCT o.recorded, n.name FROM erased_openings o CROSS JOIN LATERAL unnest(o.names) AS n (name)
WHERE o.ledger_id = %(ledger_id)s AND o.label_id = ANY({labels})
ORDER BY n.name, o.recorded
