-- name: leaves
-- In their order; a leaf whose entry is gone has none.
SELECT v.leaf_index, v.hash, v.ledger_id AS leaf_id, k.canonical AS leaf_label, e.ledger_id, e.tenant, e.recorded_at, e.leaf,
       a.recorded_at AS act_at, a.kind, a.sub, a.purpose, a.outcome, a.policy_revision,
       a.ledger_id IS NOT NULL AS has_act, l.canonical AS label, m.canonical AS act_label,
       (SELECT n.body FROM answers n WHERE n.ledger_id = e.ledger_id LIMIT 1) AS answer_body
FROM ledger_leaves v LEFT JOIN labels k ON k.label_id = v.label_id
LEFT JOIN ledger_entries e ON e.ledger_id = v.ledger_id LEFT JOIN labels l ON l.label_id = e.label_id
LEFT JOIN ledger_acts a ON a.ledger_id = e.ledger_id LEFT JOIN labels m ON m.label_id = a.label_id
WHERE v.leaf_index > %(after)s ORDER BY v.leaf_index LIMIT %(first)s
-- name: month
-- Those of the leaves above whose entries say that they were recorded then.
SELECT v.leaf_index, v.hash, v.ledger_id AS leaf_id, e.ledger_id, e.leaf
FROM ledger_entries e JOIN ledger_leaves v ON v.ledger_id = e.ledger_id
WHERE e.recorded_at >= %(since)s AND e.recorded_at < %(until)s AND v.leaf_index > %(after)s
ORDER BY v.leaf_index LIMIT %(first)s
-- name: unsealed
SELECT v.seq AS leaf_index, v.hash, v.ledger_id AS leaf_id, k.canonical AS leaf_label,
       e.ledger_id, e.tenant, e.recorded_at, e.leaf, a.recorded_at AS act_at,
       a.kind, a.sub, a.purpose, a.outcome, a.policy_revision,
       a.ledger_id IS NOT NULL AS has_act, l.canonical AS label, m.canonical AS act_label,
       (SELECT n.body FROM answers n WHERE n.ledger_id = e.ledger_id LIMIT 1) AS answer_body
FROM ledger_unsealed v LEFT JOIN labels k ON k.label_id = v.label_id
LEFT JOIN ledger_entries e ON e.ledger_id = v.ledger_id LEFT JOIN labels l ON l.label_id = e.label_id
LEFT JOIN ledger_acts a ON a.ledger_id = e.ledger_id LEFT JOIN labels m ON m.label_id = a.label_id
WHERE v.seq > %(after)s ORDER BY v.seq LIMIT %(first)s
-- name: nowhere
-- Written, and neither sealed nor waiting for it.
SELECT e.ledger_id FROM ledger_entries e
WHERE NOT EXISTS (SELECT FROM ledger_leaves v WHERE v.ledger_id = e.ledger_id)
  AND NOT EXISTS (SELECT FROM ledger_unsealed u WHERE u.ledger_id = e.ledger_id)
ORDER BY e.recorded_at, e.ledger_id LIMIT %(first)s
-- name: strays
-- Openings, acts and answers of entries that are not there.
SELECT DISTINCT ledger_id FROM (
    SELECT ledger_id FROM ledger_openings UNION SELECT ledger_id FROM ledger_acts UNION SELECT ledger_id FROM answers) AS s
WHERE NOT EXISTS (SELECT FROM ledger_entries e WHERE e.ledger_id = s.ledger_id)
ORDER BY ledger_id LIMIT %(first)s
-- name: misled
-- Of these entries, those of which the auditors' index says another thing than the records, and questions that have begun; with
-- whether it says any, and just what they say.
WITH told AS MATERIALIZED (
    SELECT ledger_id, thing, sub, recorded_at, label_id, shown FROM ledger_things(%(ids)s, %(since)s, %(until)s)
), kept AS MATERIALIZED (
    SELECT t.ledger_id, t.thing, t.sub, t.recorded_at, t.label_id, t.shown FROM ledger_touched t
    WHERE t.recorded_at = ANY(%(times)s) AND t.ledger_id = ANY(%(ids)s)
)
SELECT d.ledger_id, EXISTS (SELECT FROM kept k WHERE k.ledger_id = d.ledger_id) AS listed, bool_and(d.alike) AS alike FROM (
    SELECT ledger_id, false AS alike FROM (
        (TABLE told EXCEPT ALL TABLE kept) UNION ALL (TABLE kept EXCEPT ALL TABLE told)) AS other
    UNION ALL SELECT ledger_id, true FROM ledger_acts
    WHERE ledger_id = ANY(%(ids)s) AND recorded_at BETWEEN %(since)s AND %(until)s AND outcome = 'Opened') AS d
GROUP BY d.ledger_id ORDER BY d.ledger_id
-- name: timeline
-- Acts that auditors do not find by who did them and when, and what they find there of none.
WITH told AS (
    SELECT a.ledger_id, a.recorded_at, a.label_id, a.sub, a.kind, a.outcome, e.tenant
    FROM ledger_acts a JOIN ledger_entries e ON e.ledger_id = a.ledger_id AND e.recorded_at = a.recorded_at
), kept AS (
    SELECT ledger_id, recorded_at, label_id, sub, kind, outcome, tenant FROM ledger_timeline
)
SELECT DISTINCT ledger_id FROM (
    (TABLE told EXCEPT ALL TABLE kept) UNION ALL (TABLE kept EXCEPT ALL TABLE told)) AS d LIMIT %(first)s
-- name: touched
-- What auditors find by a thing, and is of no act.
SELECT DISTINCT t.ledger_id FROM ledger_touched t
WHERE NOT EXISTS (SELECT FROM ledger_acts a WHERE a.ledger_id = t.ledger_id AND a.recorded_at = t.recorded_at)
LIMIT %(first)s
-- name: erasing
-- Erasures whose records are not sealed yet, while what they name is gone.
SELECT u.ledger_id FROM ledger_unsealed u JOIN ledger_acts a ON a.ledger_id = u.ledger_id AND a.kind = 'erasure'
LIMIT %(first)s
-- name: late
-- What was taken out of sealed records that came after an erasure, and is named by no record yet.
SELECT o.ledger_id FROM late_openings o JOIN ledger_leaves v ON v.ledger_id = o.ledger_id LIMIT %(first)s
-- name: archives
SELECT statement, month, leaves, hashes FROM ledger_archives ORDER BY statement
-- name: checkpoints
SELECT size, root, note FROM ledger_checkpoints WHERE size > %(after)s AND size <= %(to)s ORDER BY size
-- name: newest
SELECT size, root, note FROM ledger_checkpoints ORDER BY size DESC LIMIT 1
-- name: keys
SELECT verifier_key, from_size FROM ledger_keys ORDER BY from_size, added_at, verifier_key
-- name: rotations
SELECT envelope FROM ledger_rotations
-- name: policy
-- Whosesoever it is: a digest is of one content.
SELECT sources, wasm FROM policy_bundles WHERE sha256 = %(digest)s LIMIT 1
-- name: openings
SELECT o.ledger_id, o.label_id, o.name, o.salt, o.value, o.recorded_at, l.canonical AS label
FROM ledger_openings o LEFT JOIN labels l ON l.label_id = o.label_id WHERE o.ledger_id = ANY(%(ids)s)
ORDER BY o.ledger_id, o.name
-- name: scopes
SELECT label_id, sha256, s.value FROM ledger_scopes s
JOIN unnest(%(label_ids)s::int[], %(digests)s::bytea[]) AS named (label_id, sha256) USING (label_id, sha256)
