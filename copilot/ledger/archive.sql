-- name: month
-- What there is of it, and whether it may go.
SELECT now() >= %(until)s AS over, count(*) AS records, count(*) FILTER (WHERE v.leaf_index IS NULL) AS unsealed,
       (SELECT max(size) FROM ledger_published) > max(v.leaf_index) AS published
FROM ledger_entries e LEFT JOIN ledger_leaves v ON v.ledger_id = e.ledger_id
WHERE e.recorded_at >= %(since)s AND e.recorded_at < %(until)s
-- name: held
-- Whether a record of the month names a part under legal hold or its document, or cites it.
SELECT EXISTS (
    SELECT FROM legal_holds h JOIN parts p ON p.part_id = h.part_id JOIN documents d ON d.document_key = p.document_key
    CROSS JOIN LATERAL (VALUES (d.document_id), (p.part_id)) AS n (name)
    JOIN ledger_touched t ON t.thing = ledger_thing(d.tenant, 'document', n.name)
     AND t.recorded_at >= %(since)s AND t.recorded_at < %(until)s
) OR EXISTS (
    SELECT FROM ledger_openings o, cited_chunks(convert_from(o.value, 'UTF8')) cited
    JOIN chunks c ON c.chunk_id = cited JOIN legal_holds h ON h.part_id = c.part_id
    WHERE o.recorded_at >= %(since)s AND o.recorded_at < %(until)s AND o.name IN ('contexts', 'answer', 'recheck_dropped')
) AS held
-- name: patience
SET LOCAL lock_timeout = '500ms'
-- name: gather
-- The month's partitions, with what came in when it had none.
SELECT make_ledger_month(%(since)s)
-- name: still
SELECT still_ledger_month(%(since)s)
-- name: contents
SELECT (SELECT count(*) FROM ledger_entries WHERE recorded_at >= %(since)s AND recorded_at < %(until)s) AS records,
       (SELECT count(*) FROM ledger_openings WHERE recorded_at >= %(since)s AND recorded_at < %(until)s) AS openings,
       range_agg(int8range(v.leaf_index, v.leaf_index + 1)) AS leaves,
       sha256(string_agg(v.hash, ''::bytea ORDER BY v.leaf_index)) AS hashes
FROM ledger_entries e JOIN ledger_leaves v ON v.ledger_id = e.ledger_id
WHERE e.recorded_at >= %(since)s AND e.recorded_at < %(until)s
-- name: archived
INSERT INTO ledger_archives (statement, month, leaves, hashes)
VALUES (%(statement)s, %(month)s, %(leaves)s, %(hashes)s)
-- name: answers
-- What was stored with these records; in the bundle their openings say what was answered.
DELETE FROM answers n USING ledger_leaves v WHERE v.ledger_id = n.ledger_id AND v.leaf_index <@ %(leaves)s::int8multirange
-- name: drop
SELECT drop_ledger_month(%(since)s)
