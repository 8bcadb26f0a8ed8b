-- name: vectors
SELECT string_agg(int4send(t.ordinal), ''::bytea) AS ordinals, string_agg(vector_send(c.embedding), ''::bytea) AS vectors
FROM chunk_terms t JOIN chunks c USING (chunk_id)
WHERE t.label_id = %(label_id)s AND t.ordinal >= %(start)s AND t.ordinal < %(end)s
  AND t.label_id = ANY({labels}) AND c.label_id = ANY({labels})
