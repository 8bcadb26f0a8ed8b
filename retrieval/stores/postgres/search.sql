-- name: nearest
SELECT chunk_id, -(embedding <#> %(vector)s) AS similarity
FROM chunks
WHERE label_id = ANY({labels})
ORDER BY embedding <#> %(vector)s, chunk_id
LIMIT %(limit)s
-- name: weigh
SELECT c.chunk_id, -(c.embedding <#> %(vector)s) AS similarity,
       coalesce((SELECT max(o.length) FROM postings o WHERE o.chunk_id = c.chunk_id), 0) AS length,
       coalesce((
           SELECT jsonb_object_agg(o.term, o.tf) FROM postings o
           WHERE o.chunk_id = c.chunk_id AND o.term = ANY(%(terms)s) AND o.label_id = ANY({labels})
       ), jsonb_build_object()) AS counts
FROM chunks c
WHERE c.chunk_id = ANY(%(ids)s) AND c.label_id = ANY({labels})
-- name: postings
SELECT term, chunk_id, tf, length
FROM postings
WHERE term = ANY(%(terms)s) AND label_id = ANY({labels})
-- name: statistics
SELECT coalesce(sum(chunks), 0)::bigint AS chunks, coalesce(sum(terms), 0)::bigint AS terms
FROM label_statistics
WHERE label_id = ANY({labels})
-- name: chunks
SELECT c.chunk_id, c.part_id, c.text, c.start_at, c.end_at, c.label_id, l.value AS label,
       d.document_id, d.title, d.label_id AS document_label_id, d.metadata
FROM chunks c
JOIN labels l ON l.label_id = c.label_id
JOIN parts p ON p.part_id = c.part_id
LEFT JOIN documents d ON d.document_key = p.document_key AND d.label_id = ANY({labels})
WHERE c.chunk_id = ANY(%(ids)s) AND c.label_id = ANY({labels}) AND p.label_id = ANY({labels})
-- name: sentences
SELECT chunk_id, start_at, end_at, embedding::vector AS embedding
FROM sentences
WHERE chunk_id = ANY(%(ids)s) AND label_id = ANY({labels})
ORDER BY chunk_id, start_at
