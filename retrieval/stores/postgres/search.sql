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
-- name: similarities
-- Each by its key, whatever row-level security makes the planner believe of all chunks: hence OFFSET. The ids come as
-- one text, which is quicker to send than an array.
SELECT asked.chunk_id, c.similarity
FROM unnest(string_to_array(%(joined_ids)s, ' ')) AS asked (chunk_id) CROSS JOIN LATERAL (
    SELECT -(x.embedding <#> %(vector)s) AS similarity FROM chunks x
    WHERE x.chunk_id = asked.chunk_id AND x.label_id = ANY({labels}) OFFSET 0
) c
-- name: weigh
-- Each by its key, whatever row-level security makes the planner believe of all chunks: hence OFFSET.
SELECT asked.chunk_id, c.similarity, t.length, t.counts
FROM unnest(%(ids)s::text[]) AS asked (chunk_id) CROSS JOIN LATERAL (
    SELECT -(x.embedding <#> %(vector)s) AS similarity FROM chunks x
    WHERE x.chunk_id = asked.chunk_id AND x.label_id = ANY({labels}) OFFSET 0
) c CROSS JOIN LATERAL (
    SELECT least(x.length, 65535) AS length, ARRAY(
        SELECT least(coalesce(x.counts[array_position(x.terms, term)], 0), 255)
        FROM unnest(%(terms)s::text[]) WITH ORDINALITY AS term (term, place) ORDER BY place
    ) AS counts
    FROM chunk_terms x
    WHERE x.chunk_id = asked.chunk_id AND x.label_id = ANY({labels}) OFFSET 0
) t
-- name: passages
SELECT c.chunk_id, c.text, ARRAY(
    SELECT d.key FROM definitions d
    WHERE d.chunk_id = c.chunk_id AND d.in_title AND d.label_id = ANY({labels}) ORDER BY d.key
) AS titles
FROM chunks c WHERE c.chunk_id = ANY(%(ids)s) AND c.label_id = ANY({labels})
-- name: postings
-- The sums, and of each term the entries of all its blocks; for each block its label, number and length.
WITH sums AS (
    SELECT coalesce(sum(chunks), 0)::bigint AS chunks, coalesce(sum(terms), 0)::bigint AS terms,
           string_agg(int4send(label_id) || int4send(next_ordinal), ''::bytea ORDER BY label_id) AS labels,
           (SELECT scheme FROM keyword_index) AS scheme
    FROM label_statistics
    WHERE label_id = ANY({labels})
), lists AS (
    SELECT term, string_agg(entries, ''::bytea) AS entries,
           array_agg(label_id) AS label_ids, array_agg(block) AS blocks, array_agg(octet_length(entries)) AS octets
    FROM posting_blocks
    WHERE term = ANY(%(terms)s) AND label_id = ANY({labels})
    GROUP BY term
)
SELECT sums.scheme, sums.chunks, sums.terms, sums.labels, lists.term, lists.label_ids, lists.blocks, lists.octets, lists.entries
FROM sums LEFT JOIN lists ON true
-- name: beginning
-- How many chunks have a term is how many entries its visible blocks have; the bound comes after the scope.
SELECT start, term FROM (
    SELECT asked.start, b.term,
           row_number() OVER (PARTITION BY asked.start ORDER BY sum(b.octets) DESC, b.term) AS place
    FROM unnest(%(starts)s::text[]) AS asked (start)
    CROSS JOIN LATERAL (
        SELECT p.term, octet_length(p.entries) AS octets FROM posting_blocks p
        WHERE p.term >= asked.start COLLATE "C" AND p.term < (asked.start || chr(1114111)) COLLATE "C"
          AND p.label_id = ANY({labels}) OFFSET 0
    ) b
    GROUP BY asked.start, b.term
) ranked
WHERE place <= %(most)s
-- name: held
-- With the second in which the server began: one that was restored, or took over, has perhaps another past.
SELECT string_agg(
    int4send(label_id) || int4send(next_ordinal) || int4send(chunks::int) || int4send(edition::int)
    || int4send(extract(epoch FROM pg_postmaster_start_time())::bigint::bit(32)::int), ''::bytea ORDER BY label_id
) AS labels
FROM label_statistics CROSS JOIN names_edition
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
-- name: preceding
SELECT asked.chunk_id AS follower, c.chunk_id, c.part_id, c.text, c.start_at, c.end_at, c.label_id, l.value AS label,
       d.document_id, d.title, d.label_id AS document_label_id, d.metadata
FROM chunks asked
CROSS JOIN LATERAL (
    SELECT x.chunk_id, x.part_id, x.text, x.start_at, x.end_at, x.label_id FROM chunks x
    WHERE x.part_id = asked.part_id AND x.start_at < asked.start_at AND x.label_id = ANY({labels})
    ORDER BY x.start_at DESC
    LIMIT 1
) c
JOIN labels l ON l.label_id = c.label_id
JOIN parts p ON p.part_id = c.part_id
LEFT JOIN documents d ON d.document_key = p.document_key AND d.label_id = ANY({labels})
WHERE asked.chunk_id = ANY(%(ids)s) AND asked.label_id = ANY({labels}) AND p.label_id = ANY({labels})
-- name: sentences
SELECT chunk_id, start_at, end_at, embedding::vector AS embedding
FROM sentences
WHERE chunk_id = ANY(%(ids)s) AND label_id = ANY({labels})
ORDER BY chunk_id, start_at
