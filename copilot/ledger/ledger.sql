-- name: append
-- In their order, each linked to the one before; none of them while a scope that one names is not stored.
WITH linked AS MATERIALIZED (
    SELECT e.*, append_ledger_entry(e.ledger_id, e.tenant, e.label_id, e.at, e.leaf)
    FROM unnest(
        %(ledger_ids)b::text[], %(label_ids)b::int[], %(tenants)b::text[], %(ats)b::timestamptz[], %(leaves)b::bytea[],
        %(kind)b::text[], %(sub)b::text[], %(purpose)b::text[], %(outcome)b::text[], %(policy_revision)b::text[]
    ) AS e (ledger_id, label_id, tenant, at, leaf, kind, sub, purpose, outcome, policy_revision)
    WHERE ledger_scopes_are_stored(%(scope_label_ids)b::int[], %(scopes)b::bytea[])
), opened AS (
    INSERT INTO ledger_openings (ledger_id, label_id, name, salt, value)
    SELECT o.* FROM unnest(
        %(opened_ids)b::text[], %(opened_label_ids)b::int[], %(names)b::text[], %(salts)b::bytea[], %(values)b::bytea[]
    ) AS o (ledger_id, label_id, name, salt, value)
    WHERE o.ledger_id IN (SELECT ledger_id FROM linked)
)
INSERT INTO ledger_acts (ledger_id, label_id, kind, sub, purpose, outcome, policy_revision)
SELECT ledger_id, label_id, kind, sub, purpose, outcome, policy_revision FROM linked
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
-- name: all
SELECT e.*, a.kind, a.sub, a.purpose, a.outcome, a.policy_revision,
       a.ledger_id IS NOT NULL AS has_act, l.canonical AS label, m.canonical AS act_label,
       (SELECT n.body FROM answers n WHERE n.ledger_id = e.ledger_id LIMIT 1) AS answer_body
FROM ledger_entries e LEFT JOIN ledger_acts a USING (ledger_id)
JOIN labels l ON l.label_id = e.label_id LEFT JOIN labels m ON m.label_id = a.label_id
WHERE e.position > %(after)s ORDER BY e.position LIMIT %(first)s
-- name: openings
SELECT o.ledger_id, o.label_id, o.name, o.salt, o.value, l.canonical AS label
FROM ledger_openings o JOIN labels l ON l.label_id = o.label_id WHERE o.ledger_id = ANY(%(ids)s)
ORDER BY o.ledger_id, o.name
-- name: scopes
SELECT label_id, sha256, s.value FROM ledger_scopes s
JOIN unnest(%(label_ids)s::int[], %(digests)s::bytea[]) AS named (label_id, sha256) USING (label_id, sha256)
-- name: head
SELECT position, chain_hash, recorded_at FROM ledger_entries ORDER BY position DESC LIMIT 1
