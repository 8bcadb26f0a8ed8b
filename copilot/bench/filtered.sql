-- name: nearest
SELECT chunk_id FROM chunks
WHERE label_id = ANY(%(labels)s::int[])
ORDER BY embedding <#> %(vector)s, chunk_id
LIMIT %(limit)s
