-- name: take_apart
-- Ordinals stay, since vectors in memory go by them.
CREATE TEMP TABLE numbered ON COMMIT DROP AS SELECT chunk_id, label_id, ordinal FROM chunk_terms
-- name: numbered_by_block
CREATE INDEX ON numbered (label_id, ordinal)
-- name: empty
TRUNCATE chunk_terms
-- name: blocks
SELECT DISTINCT label_id, ordinal / %(size)s AS block FROM numbered ORDER BY label_id, block
-- name: chunks
SELECT n.chunk_id, n.ordinal, c.part_id, c.text
FROM numbered n JOIN chunks c USING (chunk_id)
WHERE n.label_id = %(label_id)s AND n.ordinal >= %(first)s AND n.ordinal < %(first)s + %(size)s
ORDER BY n.ordinal
-- name: parts
SELECT p.part_id, p.text, l.value AS label, d.title, d.metadata, a.value AS about
FROM parts p JOIN labels l ON l.label_id = p.label_id
JOIN documents d USING (document_key) JOIN labels a ON a.label_id = d.label_id
WHERE p.part_id = ANY(%(part_ids)s)
-- name: statistics
UPDATE label_statistics s SET terms = coalesce(
    (SELECT sum(t.length) FROM chunk_terms t WHERE t.label_id = s.label_id), 0
)
-- name: analyze
ANALYZE chunk_terms, posting_blocks
-- name: renewed
-- Whoever holds the words in memory reads them anew.
UPDATE names_edition SET edition = edition + 1
-- name: done
UPDATE keyword_index SET scheme = %(scheme)s
