-- name: leaf
SELECT leaf_index, hash FROM ledger_leaves WHERE ledger_id = %(ledger_id)s AND label_id = ANY({labels})
-- name: newest
SELECT size, root, note FROM ledger_checkpoints ORDER BY size DESC LIMIT 1
-- name: first
SELECT size, root, note FROM ledger_checkpoints WHERE size > %(leaf_index)s ORDER BY size LIMIT 1
-- name: checkpoints
SELECT c.size, c.note, c.sealed_at,
       ARRAY(SELECT p.destination FROM ledger_published p WHERE p.size = c.size ORDER BY 1) AS published
FROM ledger_checkpoints c WHERE c.size < %(before)s ORDER BY c.size DESC LIMIT %(first)s
