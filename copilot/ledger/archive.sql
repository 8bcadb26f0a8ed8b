-- name: month
-- What there is of it; `last` is its newest leaf.
SELECT count(*) AS records, count(*) FILTER (WHERE v.leaf_index IS NULL) AS unsealed, coalesce(max(v.leaf_index), -1) AS last
FROM ledger_entries e LEFT JOIN ledger_leaves v ON v.ledger_id = e.ledger_id
WHERE e.recorded_at >= %(since)s AND e.recorded_at < %(until)s
-- name: openings
SELECT count(*) AS openings FROM ledger_openings WHERE recorded_at >= %(since)s AND recorded_at < %(until)s
-- name: tenants
SELECT tenant, count(*) AS records FROM ledger_entries WHERE recorded_at >= %(since)s AND recorded_at < %(until)s
GROUP BY tenant ORDER BY tenant
-- name: leaves
SELECT range_agg(int8range(v.leaf_index, v.leaf_index + 1)) AS leaves,
       sha256(string_agg(v.hash, ''::bytea ORDER BY v.leaf_index)) AS hashes
FROM ledger_entries e JOIN ledger_leaves v ON v.ledger_id = e.ledger_id
WHERE e.recorded_at >= %(since)s AND e.recorded_at < %(until)s
-- name: published
SELECT EXISTS (SELECT FROM ledger_published WHERE size > %(last)s) AS published
-- name: marked
SELECT leaves FROM ledger_marked
-- name: mark
SELECT mark_ledger(%(most)s) AS records
-- name: held
-- Whether a record of the month names a part under legal hold or its document, cites it, or may repeat eight words of it.
SELECT EXISTS (
    SELECT FROM legal_holds h JOIN parts p ON p.part_id = h.part_id JOIN documents d ON d.document_key = p.document_key
    CROSS JOIN LATERAL (VALUES (d.document_id), (p.part_id)) AS n (name)
    JOIN ledger_touched t ON t.thing = ledger_thing(d.tenant, 'document', n.name)
     AND t.recorded_at >= %(since)s AND t.recorded_at < %(until)s
) OR EXISTS (
    SELECT FROM legal_holds h JOIN parts p ON p.part_id = h.part_id
    JOIN ledger_marks m ON m.recorded_at >= %(since)s AND m.recorded_at < %(until)s AND m.marks && ARRAY (
        SELECT chunk_mark(c.chunk_id) FROM chunks c WHERE c.part_id = p.part_id UNION SELECT word_marks(p.text))
) AS held
-- name: patience
SET LOCAL lock_timeout = '500ms'
-- name: gather
-- The month's partitions, with what came in when it had none.
SELECT make_ledger_month(%(since)s)
-- name: still
-- Nobody puts a document under hold meanwhile, and nobody writes the month or erases anything of it.
SELECT still_ledger_month(%(since)s)
-- name: drop
SELECT drop_ledger_month(%(since)s)
-- name: answers
-- What was stored with these records; in the bundle their openings say what was answered.
DELETE FROM answers n USING ledger_leaves v WHERE v.ledger_id = n.ledger_id AND v.leaf_index <@ %(leaves)s::int8multirange
-- name: archived
INSERT INTO ledger_archives (archive_id, month, leaves, hashes, statement, acts)
VALUES (%(archive_id)s, %(month)s, %(leaves)s, %(hashes)s, %(statement)s, %(acts)s)
