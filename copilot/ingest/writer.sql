-- name: existing
SELECT d.* FROM unnest(%(document_ids)s::text[], %(label_ids)s::int[]) AS given (document_id, label_id),
LATERAL (
    SELECT o.document_id, o.label_id, o.document_key, o.content_sha256 FROM documents o
    WHERE o.tenant = %(tenant)s AND o.document_id = given.document_id AND o.label_id = given.label_id
      AND o.label_id = ANY({labels})
    LIMIT 1  -- there is no other: each is looked up, whatever the planner thinks of a table that fills
) d
-- name: held
-- As `existing`, held to the end of the transaction: of two who change a document, one comes after the other.
SELECT d.* FROM unnest(%(document_ids)s::text[], %(label_ids)s::int[]) AS given (document_id, label_id),
LATERAL (
    SELECT o.document_id, o.label_id, o.document_key FROM documents o
    WHERE o.tenant = %(tenant)s AND o.document_id = given.document_id AND o.label_id = given.label_id
      AND o.label_id = ANY({labels})
    LIMIT 1 FOR UPDATE
) d
-- name: part_ids
SELECT part_id FROM parts WHERE document_key = ANY(%(keys)s::uuid[]) AND label_id = ANY({labels})
-- name: hold_statistics
-- In the order of their ids and before any is changed, so that no two transactions wait for each other.
INSERT INTO label_statistics AS s (label_id, chunks, terms)
SELECT one.label_id, 0, 0 FROM (
    SELECT unnest(%(label_ids)s::int[]) AS label_id
    UNION SELECT p.label_id FROM parts p WHERE p.part_id = ANY(%(part_ids)s)
) one ORDER BY one.label_id
ON CONFLICT (label_id) DO UPDATE SET chunks = s.chunks
-- name: seen_parts
SELECT p.document_key, l.canonical AS label, p.text FROM parts p JOIN labels l ON l.label_id = p.label_id
WHERE p.document_key = ANY(%(keys)s::uuid[]) AND p.label_id = ANY({labels})
ORDER BY p.document_key, p.position, p.part_id
-- name: taken
SELECT p.part_id
FROM parts p LEFT JOIN documents d ON d.document_key = p.document_key AND d.label_id = ANY({labels})
WHERE p.part_id = ANY(%(part_ids)s) AND p.label_id = ANY({labels})
  AND (d.document_id, d.label_id) IS DISTINCT FROM (%(document_id)s, %(label_id)s)
-- name: remember
INSERT INTO former_chunks (document_key, chunk_id, label_id, text_sha256)
SELECT p.document_key, c.chunk_id, c.label_id, sha256(convert_to(p.text, 'UTF8'))
FROM parts p JOIN chunks c USING (part_id)
WHERE p.part_id = ANY(%(part_ids)s) AND p.label_id = ANY({labels}) AND c.label_id = ANY({labels})
ON CONFLICT DO NOTHING
-- name: shrink_statistics
UPDATE label_statistics s SET chunks = s.chunks - gone.chunks, terms = s.terms - gone.terms
FROM (
    SELECT t.label_id, count(*) AS chunks, coalesce(sum(t.length), 0) AS terms
    FROM chunk_terms t JOIN chunks c USING (chunk_id)
    WHERE c.part_id = ANY(%(part_ids)s) AND t.label_id = ANY({labels}) GROUP BY t.label_id
) gone
WHERE s.label_id = gone.label_id
-- name: remove_terms
-- All at once: left to the parts' cascade, each chunk would go through the blocks by itself.
DELETE FROM chunk_terms t USING chunks c
WHERE c.chunk_id = t.chunk_id AND c.part_id = ANY(%(part_ids)s) AND t.label_id = ANY({labels})
-- name: remove_parts
DELETE FROM parts WHERE part_id = ANY(%(part_ids)s) AND label_id = ANY({labels})
-- name: documents
INSERT INTO documents (document_id, label_id, title, source, metadata, content_sha256, tenant, ingested_by)
SELECT given.*, %(tenant)s, %(sub)s FROM unnest(
    %(document_id)b::text[], %(label_id)b::int[], %(title)b::text[], %(source)b::text[], %(metadata)b::jsonb[],
    %(sha256)b::text[]
) given
RETURNING document_id, label_id, document_key
-- name: revise
UPDATE documents d SET title = given.title, source = given.source, metadata = given.metadata,
    content_sha256 = given.sha256, ingested_by = %(sub)s, ingested_at = now()
FROM unnest(
    %(document_key)b::uuid[], %(title)b::text[], %(source)b::text[], %(metadata)b::jsonb[], %(sha256)b::text[]
) AS given (document_key, title, source, metadata, sha256)
WHERE d.document_key = given.document_key
-- name: parts
INSERT INTO parts (part_id, document_key, label_id, position, text)
SELECT * FROM unnest(
    %(part_id)b::text[], %(document_key)b::uuid[], %(label_id)b::int[], %(position)b::int[], %(text)b::text[]
)
-- name: scheme
SELECT scheme FROM keyword_index
-- name: number
-- Adds to the sums of labels that are held, and gives each as many ordinals as it has chunks.
UPDATE label_statistics s SET chunks = s.chunks + new.chunks, terms = s.terms + new.terms,
    next_ordinal = s.next_ordinal + new.chunks
FROM unnest(%(label_ids)s::int[], %(chunks)s::int[], %(terms)s::bigint[]) AS new (label_id, chunks, terms)
WHERE s.label_id = new.label_id AND s.label_id = ANY({labels})
RETURNING s.label_id, s.next_ordinal - new.chunks AS first
-- name: chunks
INSERT INTO chunks (chunk_id, part_id, label_id, start_at, end_at, text, embedding)
SELECT * FROM unnest(
    %(chunk_id)b::text[], %(part_id)b::text[], %(label_id)b::int[], %(start_at)b::int[], %(end_at)b::int[],
    %(text)b::text[], %(embedding)b::vector[]
)
-- name: sentences
INSERT INTO sentences (chunk_id, label_id, start_at, end_at, embedding)
SELECT * FROM unnest(
    %(chunk_id)b::text[], %(label_id)b::int[], %(start_at)b::int[], %(end_at)b::int[], %(embedding)b::halfvec[]
)
-- name: chunk_terms
INSERT INTO chunk_terms (chunk_id, label_id, ordinal, length, terms, counts)
SELECT chunk_id, label_id, ordinal, length, string_to_array(terms, ' '), string_to_array(counts, ' ')::int[]
FROM unnest(
    %(chunk_id)b::text[], %(label_id)b::int[], %(ordinal)b::int[], %(length)b::int[], %(terms)b::text[],
    %(counts)b::text[]
) AS given (chunk_id, label_id, ordinal, length, terms, counts)
-- name: posting_blocks
INSERT INTO posting_blocks (term, label_id, block, entries)
SELECT * FROM unnest(
    %(term)b::text[], %(label_id)b::int[], %(block)b::int[], %(entries)b::bytea[]
)
ON CONFLICT (term, label_id, block) DO UPDATE SET entries = posting_blocks.entries || excluded.entries
-- name: mentions
INSERT INTO mentions (chunk_id, label_id, entity_id, kind, key, surface, start_at, end_at, in_title)
SELECT * FROM unnest(
    %(chunk_id)b::text[], %(label_id)b::int[], %(entity_id)b::text[], %(kind)b::text[], %(key)b::text[],
    %(surface)b::text[], %(start_at)b::int[], %(end_at)b::int[], %(in_title)b::boolean[]
)
-- name: definitions
INSERT INTO definitions (chunk_id, label_id, key, in_title)
SELECT * FROM unnest(
    %(chunk_id)b::text[], %(label_id)b::int[], %(key)b::text[], %(in_title)b::boolean[]
)
-- name: relations
INSERT INTO relations (relation_id, chunk_id, label_id, type, source_id, source_name, target_id, target_name,
                       start_at, end_at, properties)
SELECT * FROM unnest(
    %(relation_id)b::text[], %(chunk_id)b::text[], %(label_id)b::int[], %(type)b::text[], %(source_id)b::text[],
    %(source_name)b::text[], %(target_id)b::text[], %(target_name)b::text[], %(start_at)b::int[],
    %(end_at)b::int[], %(properties)b::jsonb[]
)
-- name: other_copies
-- A row without a part that the ingester may see is to them no document.
SELECT stored.document_id, l.value
FROM unnest(%(document_ids)s::text[], %(label_ids)s::int[]) WITH ORDINALITY stored (document_id, label_id, place)
JOIN documents d ON d.document_id = stored.document_id AND d.label_id <> stored.label_id
JOIN labels l ON l.label_id = d.label_id
WHERE d.tenant = %(tenant)s AND d.label_id = ANY({labels})
  AND EXISTS (SELECT FROM parts p WHERE p.document_key = d.document_key AND p.label_id = ANY({labels}))
ORDER BY stored.place, l.canonical
