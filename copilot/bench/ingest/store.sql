-- name: empty
TRUNCATE documents, label_statistics CASCADE
-- name: documents
SELECT count(*) AS value FROM documents
-- name: processes
SELECT array_agg(pid) AS value FROM pg_stat_activity WHERE pid <> pg_backend_pid()
-- name: content
-- Keys are drawn by lot, and blocks grow in the order of transactions.
SELECT md5(string_agg(row, '' ORDER BY row)) AS value FROM (
    SELECT (to_jsonb(t) - ARRAY['document_key', 'ingested_at'])::text AS row FROM documents t
    UNION ALL SELECT (to_jsonb(t) - 'document_key')::text FROM parts t
    UNION ALL SELECT (to_jsonb(t) - 'embedding')::text || embedding::text FROM chunks t
    UNION ALL SELECT (to_jsonb(t) - 'embedding')::text || embedding::text FROM sentences t
    UNION ALL SELECT to_jsonb(t)::text FROM chunk_terms t
    UNION ALL SELECT to_jsonb(t)::text FROM posting_blocks t
    UNION ALL SELECT to_jsonb(t)::text FROM mentions t
    UNION ALL SELECT to_jsonb(t)::text FROM definitions t
    UNION ALL SELECT to_jsonb(t)::text FROM relations t
    UNION ALL SELECT to_jsonb(t)::text FROM entity_labels t
    UNION ALL SELECT to_jsonb(t)::text FROM name_tokens t
    UNION ALL SELECT to_jsonb(t)::text FROM label_statistics t
) everything
