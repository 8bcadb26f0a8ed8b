-- name: append
-- All of them, or none while a scope that one names is not stored.
SELECT append_ledger_entries(%(entries)s::json)
WHERE ledger_scopes_are_stored(%(scope_label_ids)s::int[], %(scopes)s::bytea[])
-- name: scope
INSERT INTO ledger_scopes (label_id, sha256, value)
SELECT * FROM unnest(%(label_ids)b::int[], %(digests)b::bytea[], %(values)b::bytea[])
ON CONFLICT DO NOTHING
-- name: answer
INSERT INTO answers (answer_id, ledger_id, tenant, sub, label_ids, body)
VALUES (%(answer_id)s, %(ledger_id)s, %(tenant)s, %(sub)s, %(label_ids)s, %(body)s::jsonb)
-- name: read_answer
SELECT body, sub, label_ids FROM answers
WHERE answer_id = %(answer_id)s AND tenant = %(tenant)s AND label_ids <@ {labels}
