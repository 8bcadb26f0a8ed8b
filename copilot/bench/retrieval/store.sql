-- name: passages
SELECT c.chunk_id, d.document_id, d.title, c.text, c.embedding
FROM chunks c JOIN parts p USING (part_id) JOIN documents d USING (document_key)
ORDER BY c.chunk_id
-- name: definitions
SELECT DISTINCT key, chunk_id FROM definitions ORDER BY key, chunk_id
