-- name: existing
SELECT document_key, content_sha256 FROM documents
WHERE tenant = %(tenant)s AND document_id = %(document_id)s AND label_id = %(label_id)s
  AND label_id = ANY({labels})
-- name: held
-- As `existing`, held to the end of the transaction: of two who change a document, one comes after the other.
SELECT document_key FROM documents
WHERE tenant = %(tenant)s AND document_id = %(document_id)s AND label_id = %(label_id)s
  AND label_id = ANY({labels})
FOR UPDATE
-- name: part_ids
SELECT part_id FROM parts WHERE document_key = %(key)s AND label_id = ANY({labels})
-- name: hold_statistics
-- In the order of their ids and before any is changed, so that no two transactions wait for each other.
INSERT INTO label_statistics AS s (label_id, chunks, terms)
SELECT one.label_id, 0, 0 FROM (
    SELECT unnest(%(label_ids)s::int[]) AS label_id
    UNION SELECT p.label_id FROM parts p WHERE p.part_id = ANY(%(part_ids)s)
) one ORDER BY one.label_id
ON CONFLICT (label_id) DO UPDATE SET chunks = s.chunks
-- name: seen_parts
SELECT l.canonical AS label, p.text FROM parts p JOIN labels l ON l.label_id = p.label_id
WHERE p.document_key = %(key)s AND p.label_id = ANY({labels})
ORDER BY p.position, p.part_id
-- name: taken
SELECT p.part_id
FROM parts p LEFT JOIN documents d ON d.document_key = p.document_key AND d.label_id = ANY({labels})
WHERE p.part_id = ANY(%(part_ids)s) AND p.label_id = ANY({labels})
  AND (d.document_id, d.label_id) IS DISTINCT FROM (%(document_id)s, %(label_id)s)
-- name: shrink_statistics
UPDATE label_statistics s SET chunks = s.chunks - gone.chunks, terms = s.terms - gone.terms
FROM (
    SELECT c.label_id, count(*) AS chunks,
           coalesce(sum((SELECT max(p.length) FROM postings p WHERE p.chunk_id = c.chunk_id)), 0) AS terms
    FROM chunks c JOIN parts p ON p.part_id = c.part_id
    WHERE p.part_id = ANY(%(part_ids)s) AND p.label_id = ANY({labels}) GROUP BY c.label_id
) gone
WHERE s.label_id = gone.label_id
-- name: remove_parts
DELETE FROM parts WHERE part_id = ANY(%(part_ids)s) AND label_id = ANY({labels})
-- name: document
INSERT INTO documents
    (document_id, tenant, label_id, title, source, metadata, content_sha256, ingested_by)
VALUES (%(document_id)s, %(tenant)s, %(label_id)s, %(title)s, %(source)s, %(metadata)s, %(sha256)s, %(sub)s)
RETURNING document_key
-- name: revise
UPDATE documents SET title = %(title)s, source = %(source)s, metadata = %(metadata)s,
    content_sha256 = %(sha256)s, ingested_by = %(sub)s, ingested_at = now()
WHERE document_key = %(key)s
-- name: part
INSERT INTO parts (part_id, document_key, label_id, position, text)
VALUES (%(part_id)s, %(document_key)s, %(label_id)s, %(position)s, %(text)s)
-- name: grow_statistics
INSERT INTO label_statistics AS s (label_id, chunks, terms)
VALUES (%(label_id)s, %(chunks)s, %(terms)s)
ON CONFLICT (label_id) DO UPDATE SET chunks = s.chunks + excluded.chunks, terms = s.terms + excluded.terms
-- name: chunks
INSERT INTO chunks SELECT * FROM json_populate_recordset(NULL::chunks, %(rows)s)
-- name: sentences
INSERT INTO sentences SELECT * FROM json_populate_recordset(NULL::sentences, %(rows)s)
-- name: postings
INSERT INTO postings SELECT * FROM json_populate_recordset(NULL::postings, %(rows)s)
-- name: mentions
INSERT INTO mentions SELECT * FROM json_populate_recordset(NULL::mentions, %(rows)s)
-- name: mention_tokens
INSERT INTO mention_tokens SELECT * FROM json_populate_recordset(NULL::mention_tokens, %(rows)s)
-- name: definitions
INSERT INTO definitions SELECT * FROM json_populate_recordset(NULL::definitions, %(rows)s)
-- name: relations
INSERT INTO relations SELECT * FROM json_populate_recordset(NULL::relations, %(rows)s)
-- name: other_copies
-- A row without a part that the ingester may see is to them no document.
SELECT l.value FROM documents d JOIN labels l ON l.label_id = d.label_id
WHERE d.tenant = %(tenant)s AND d.document_id = %(document_id)s AND d.label_id <> %(label_id)s
  AND d.label_id = ANY({labels})
  AND EXISTS (SELECT FROM parts p WHERE p.document_key = d.document_key AND p.label_id = ANY({labels}))
ORDER BY l.canonical
