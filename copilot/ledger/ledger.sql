-- name: append
-- All of them, or none while a scope that one names is not stored.
WITH written AS MATERIALIZED (
    SELECT append_ledger_entries(
        %(ledger_ids)b::text[], %(tenants)b::text[], %(label_ids)b::int[], %(ats)b::timestamptz[], %(leaves)b::bytea[])
    WHERE ledger_scopes_are_stored(%(scope_label_ids)b::int[], %(scopes)b::bytea[])
), opened AS (
    INSERT INTO ledger_openings (ledger_id, label_id, name, salt, value)
    SELECT o.* FROM unnest(
        %(opened_ids)b::text[], %(opened_label_ids)b::int[], %(names)b::text[], %(salts)b::bytea[], %(values)b::bytea[]
    ) AS o
    WHERE EXISTS (SELECT FROM written)
)
INSERT INTO ledger_acts (ledger_id, label_id, kind, sub, purpose, outcome, policy_revision)
SELECT a.* FROM unnest(
    %(ledger_ids)b::text[], %(label_ids)b::int[],
    %(kind)b::text[], %(sub)b::text[], %(purpose)b::text[], %(outcome)b::text[], %(policy_revision)b::text[]
) AS a
WHERE EXISTS (SELECT FROM written)
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
