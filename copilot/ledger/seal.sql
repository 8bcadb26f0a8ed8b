-- name: lead
SELECT pg_try_advisory_xact_lock(7210016) AS leads
-- name: keys
SELECT verifier_key, from_size FROM ledger_keys ORDER BY from_size, added_at, verifier_key
-- name: rotations
SELECT envelope FROM ledger_rotations
-- name: size
SELECT coalesce(max(size), 0) AS size, (SELECT count(*) FROM ledger_keys) AS keys FROM ledger_checkpoints
-- name: head
SELECT note FROM ledger_checkpoints WHERE size = %(size)s
-- name: subtrees
-- Those of level 0 are leaves.
SELECT w.level, w.index, coalesce(s.hash, l.hash) AS hash
FROM unnest(%(levels)s::int[], %(indices)s::bigint[]) AS w (level, index)
LEFT JOIN ledger_subtrees s ON s.level = w.level AND s.index = w.index
LEFT JOIN ledger_leaves l ON w.level = 0 AND l.leaf_index = w.index
-- name: take
WITH taken AS (
    DELETE FROM ledger_unsealed WHERE seq IN (SELECT seq FROM ledger_unsealed ORDER BY seq LIMIT %(most)s)
    RETURNING seq, ledger_id, label_id, hash
)
SELECT ledger_id, label_id, hash FROM taken ORDER BY seq
-- name: doubled
-- What bears the id of another record: ids are unique within a month, and in the tree for good.
DELETE FROM ledger_unsealed u
WHERE EXISTS (SELECT FROM ledger_leaves v WHERE v.ledger_id = u.ledger_id)
   OR EXISTS (SELECT FROM ledger_unsealed o WHERE o.ledger_id = u.ledger_id AND o.seq < u.seq)
RETURNING u.ledger_id
-- name: leaves
INSERT INTO ledger_leaves (leaf_index, ledger_id, label_id, hash)
SELECT * FROM unnest(%(indices)b::bigint[], %(ledger_ids)b::text[], %(label_ids)b::int[], %(hashes)b::bytea[])
-- name: born
INSERT INTO ledger_subtrees (level, index, hash)
SELECT * FROM unnest(%(levels)b::int[], %(indices)b::bigint[], %(hashes)b::bytea[])
-- name: checkpoint
INSERT INTO ledger_checkpoints (size, root, note) VALUES (%(size)s, %(root)s, %(note)s)
-- name: add_key
INSERT INTO ledger_keys (verifier_key, from_size) VALUES (%(key)s, %(size)s)
-- name: rotate
INSERT INTO ledger_rotations (old_key, new_key, envelope) VALUES (%(old)s, %(new)s, %(envelope)s)
-- name: waiting
SELECT count(*) AS records, extract(epoch FROM clock_timestamp() - min(noted_at))::float8 AS oldest_s FROM ledger_unsealed
