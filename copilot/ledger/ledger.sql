-- name: append
-- All of them, or none while a scope that one names is not stored. As one text: arrays of each column take longer to
-- write down than to insert.
WITH given AS MATERIALIZED (
    SELECT * FROM json_to_recordset(%(entries)s::json) AS g (
        ledger_id text, tenant text, label_id int, at timestamptz, leaf text, kind text, sub text, purpose text,
        outcome text, policy_revision text, openings json)
), written AS MATERIALIZED (
    SELECT append_ledger_entries(g.ledger_ids, g.tenants, g.label_ids, g.ats, g.leaves)
    FROM (SELECT array_agg(ledger_id) AS ledger_ids, array_agg(tenant) AS tenants, array_agg(label_id) AS label_ids,
                 array_agg(at) AS ats, array_agg(convert_to(leaf, 'UTF8')) AS leaves FROM given) AS g
    WHERE ledger_scopes_are_stored(%(scope_label_ids)s::int[], %(scopes)s::bytea[])
), opened AS (
    INSERT INTO ledger_openings (ledger_id, label_id, recorded_at, name, salt, value)
    SELECT g.ledger_id, g.label_id, g.at, o.name, decode(o.salt, 'hex'), convert_to(o.value, 'UTF8')
    FROM given g CROSS JOIN json_to_recordset(g.openings) AS o (name text, salt text, value text)
    WHERE EXISTS (SELECT FROM written)
)
INSERT INTO ledger_acts (ledger_id, label_id, recorded_at, kind, sub, purpose, outcome, policy_revision)
SELECT ledger_id, label_id, at, kind, sub, purpose, outcome, policy_revision FROM given
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
