-- name: done_to
SELECT done_to FROM provenance_projection
-- name: leaves
SELECT leaf_index, ledger_id FROM ledger_leaves
WHERE leaf_index > %(after)s AND leaf_index <= %(to)s ORDER BY leaf_index LIMIT %(most)s
-- name: erased
-- What the erasures took that these records tell of.
SELECT DISTINCT ledger_id FROM erased_openings WHERE recorded = ANY(%(ledger_ids)s)
-- name: archived
-- What archives took out of the ledger and nobody out of Neo4j yet: the leaves of the next so many.
SELECT l.leaf_index, l.ledger_id
FROM (SELECT (SELECT range_agg(leaves) FROM ledger_archives) - taken_out AS leaves FROM provenance_projection) w
JOIN ledger_leaves l ON l.leaf_index >= lower(w.leaves) AND l.leaf_index <@ w.leaves
ORDER BY l.leaf_index LIMIT %(most)s
-- name: records
SELECT * FROM provenance_of(%(ledger_ids)s)
-- name: forget_cited
DELETE FROM provenance_cites WHERE ledger_id = ANY(%(ledger_ids)s)
-- name: cited
INSERT INTO provenance_cites (ledger_id, answer_id, chunk_id)
SELECT * FROM unnest(%(ledger_ids)s::text[], %(answer_ids)s::text[], %(chunk_ids)s::text[])
-- name: done
UPDATE provenance_projection SET done_to = %(to)s, taken_out = taken_out + coalesce((
    SELECT range_agg(int8range(leaf, leaf, '[]')) FROM unnest(%(taken_out)s::bigint[]) AS leaf), '{}')
-- name: anew
WITH forgotten AS (DELETE FROM provenance_cites)
UPDATE provenance_projection SET done_to = -1
-- name: behind
SELECT greatest(coalesce((SELECT max(size) FROM ledger_checkpoints), 0) - 1 - p.done_to, 0) + (
           SELECT coalesce(sum(upper(r) - lower(r)), 0) FROM unnest((SELECT range_agg(leaves) FROM ledger_archives) - p.taken_out) r
       )::bigint AS records,
       coalesce(extract(epoch FROM clock_timestamp() - (
           SELECT sealed_at FROM ledger_checkpoints c WHERE c.size > p.done_to + 1 ORDER BY c.size LIMIT 1)), 0)::float8
       AS records_seconds
FROM provenance_projection p
-- name: present
SELECT chunk_id FROM chunks WHERE chunk_id = ANY(%(chunk_ids)s)
-- name: unknown
SELECT w.ledger_id FROM unnest(%(ledger_ids)s::text[]) AS w (ledger_id)
WHERE NOT EXISTS (SELECT FROM ledger_leaves l WHERE l.ledger_id = w.ledger_id)
