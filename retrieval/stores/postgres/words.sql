-- name: words
-- What a label's chunks from one ordinal to before another consist of. Its readers go by one way to cut words.
SELECT string_agg(int4send(t.ordinal) || int4send(t.length) || int4send(cardinality(t.terms)) || decode(t.chunk_id, 'hex'),
                  ''::bytea ORDER BY t.ordinal) AS chunks,
       string_agg(array_to_string(t.terms, ' '), ' ' ORDER BY t.ordinal) AS terms,
       string_agg(array_to_string(t.counts, ' '), ' ' ORDER BY t.ordinal) AS counts,
       (SELECT scheme FROM keyword_index) AS scheme
FROM chunk_terms t
WHERE t.label_id = %(label_id)s AND t.ordinal >= %(start)s AND t.ordinal < %(end)s AND t.label_id = ANY({labels})
