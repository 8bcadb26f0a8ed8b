-- name: nearest
SELECT chunk_id, -(embedding <#> %(vector)s) AS similarity
FROM chunks
WHERE label_id = ANY({labels})
ORDER BY embedding <#> %(vector)s, chunk_id
LIMIT %(limit)s
-- name: nearest_of
WITH looked_at AS (
    SELECT found.chunk_id
    FROM unnest(%(label_ids)s::int[], %(ordinals)s::int[]) AS place (label_id, ordinal)
    CROSS JOIN LATERAL (
        SELECT t.chunk_id FROM chunk_terms t
        WHERE t.label_id = place.label_id AND t.ordinal = place.ordinal AND t.label_id = ANY({labels}) OFFSET 0
    ) found
    UNION
    SELECT found.chunk_id
    FROM unnest(%(later_label_ids)s::int[], %(later_from)s::int[]) AS later (label_id, first)
    CROSS JOIN LATERAL (
        SELECT t.chunk_id FROM chunk_terms t
        WHERE t.label_id = later.label_id AND t.ordinal >= later.first AND t.label_id = ANY({labels}) OFFSET 0
    ) found
)
SELECT looked_at.chunk_id, c.similarity
FROM looked_at CROSS JOIN LATERAL (
    SELECT -(x.embedding <#> %(vector)s) AS similarity FROM chunks x
    WHERE x.chunk_id = looked_at.chunk_id AND x.label_id = ANY({labels}) OFFSET 0
) c
ORDER BY c.similarity DESC, looked_at.chunk_id
LIMIT %(limit)s
-- name: weigh
SELECT c.chunk_id, -(c.embedding <#> %(vector)s) AS similarity, t.length, ARRAY(
    SELECT coalesce(t.counts[array_position(t.terms, term)], 0)
    FROM unnest(%(terms)s::text[]) WITH ORDINALITY AS asked (term, place) ORDER BY place
) AS counts, c.text, ARRAY(
    SELECT d.key FROM definitions d
    WHERE d.chunk_id = c.chunk_id AND d.in_title AND d.label_id = ANY({labels}) ORDER BY d.key
) AS titles
FROM chunks c JOIN chunk_terms t USING (chunk_id)
WHERE c.chunk_id = ANY(%(ids)s) AND c.label_id = ANY({labels}) AND t.label_id = ANY({labels})
-- name: postings
-- The sums, and of each term the entries of all its blocks; for each block label, number and how many entries.
WITH sums AS (
    SELECT coalesce(sum(chunks), 0)::bigint AS chunks, coalesce(sum(terms), 0)::bigint AS terms,
           string_agg(int4send(label_id) || int4send(next_ordinal), ''::bytea ORDER BY label_id) AS labels
    FROM label_statistics
    WHERE label_id = ANY({labels})
), lists AS (
    SELECT term, string_agg(entries, ''::bytea) AS entries,
           string_agg(int4send(label_id) || int4send(block) || int4send(octet_length(entries) / 5), ''::bytea) AS heads
    FROM posting_blocks
    WHERE term = ANY(%(terms)s) AND label_id = ANY({labels})
    GROUP BY term
)
SELECT sums.chunks, sums.terms, sums.labels, lists.term, lists.heads, lists.entries
FROM sums LEFT JOIN lists ON true
-- name: held
SELECT string_agg(int4send(label_id) || int4send(next_ordinal) || int4send(chunks::int), ''::bytea) AS labels
FROM label_statistics
WHERE label_id = ANY({labels})
-- name: identify
-- Each by its key, whatever row-level security makes the planner believe of all chunks: hence OFFSET.
SELECT asked.label_id, asked.ordinal, found.chunk_id
FROM unnest(%(label_ids)s::int[], %(ordinals)s::int[]) AS asked (label_id, ordinal)
CROSS JOIN LATERAL (
    SELECT t.chunk_id FROM chunk_terms t
    WHERE t.label_id = asked.label_id AND t.ordinal = asked.ordinal AND t.label_id = ANY({labels}) OFFSET 0
) found
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
