-- name: by_id
SELECT document_key FROM documents d
WHERE d.tenant = %(tenant)s AND d.document_id = %(id)s AND d.label_id = ANY({labels})
  AND EXISTS (SELECT FROM parts p WHERE p.document_key = d.document_key AND p.label_id = ANY({labels}))
UNION
SELECT p.document_key FROM parts p
WHERE p.part_id = %(id)s AND p.label_id = ANY({labels}) AND NOT EXISTS (
    SELECT FROM documents o WHERE o.document_key = p.document_key AND o.label_id = ANY({labels})
)
ORDER BY document_key
-- name: hold
SELECT hold_document(%(key)s)
-- name: head
SELECT document_id, label_id, title, source, metadata FROM documents
WHERE document_key = %(key)s AND label_id = ANY({labels})
-- name: parts
SELECT part_id, label_id, text FROM parts
WHERE document_key = %(key)s AND label_id = ANY({labels})
ORDER BY position, part_id
-- name: drop_bare
SELECT drop_bare_document(%(key)s) AS dropped
-- name: follow
WITH heir AS (
    SELECT document_key FROM documents
    WHERE tenant = %(tenant)s AND document_id = %(id)s AND label_id = %(label_id)s AND label_id = ANY({labels})
      AND document_key <> %(old)s
), left_behind AS (
    DELETE FROM former_chunks WHERE document_key = %(old)s AND label_id = ANY({labels}) AND EXISTS (SELECT FROM heir)
    RETURNING chunk_id, label_id, text_sha256
)
INSERT INTO former_chunks (document_key, chunk_id, label_id, text_sha256)
SELECT h.document_key, l.* FROM left_behind l, heir h ON CONFLICT DO NOTHING
-- name: empty
UPDATE documents SET title = '', source = '', metadata = '{}', content_sha256 = ''
WHERE document_key = %(key)s
-- name: forget_title
SELECT forget_title(%(key)s)
