-- name: originals
SELECT count(*) AS chunks FROM chunks WHERE chunk_id NOT LIKE '%~%'
-- name: copies
SELECT count(*) AS chunks FROM chunks
-- name: labels
INSERT INTO labels (tenant, canonical, value)
SELECT value ->> 'tenant', canonical, value
FROM unnest(%(canonicals)s::text[]) canonical, LATERAL (SELECT canonical::jsonb AS value) v
ON CONFLICT (canonical) DO NOTHING
-- name: plan
CREATE TEMPORARY TABLE copy_plan AS
SELECT c.chunk_id, n AS copy, -- Most under a few labels and some under each, as labels are.
       l.ids[1 + floor(cardinality(l.ids) * power((abs(hashtext(c.chunk_id || n)) %% 1000) / 1000.0, 3))::int]
       AS label_id
FROM chunks c, generate_series(1, %(copies)s) n,
     (SELECT array_agg(label_id ORDER BY label_id) AS ids FROM labels WHERE tenant = %(tenant)s) l
WHERE c.chunk_id NOT LIKE '%%~%%'
-- name: parts
INSERT INTO parts (part_id, document_key, label_id, position, text)
SELECT p.part_id || '~' || n.copy, p.document_key, n.label_id, p.position, p.text
FROM copy_plan n JOIN chunks c USING (chunk_id) JOIN parts p USING (part_id)
ON CONFLICT DO NOTHING
-- name: chunks
INSERT INTO chunks (chunk_id, part_id, label_id, start_at, end_at, text, embedding)
SELECT c.chunk_id || '~' || n.copy, c.part_id || '~' || n.copy, n.label_id, c.start_at, c.end_at, c.text,
       l2_normalize(c.embedding + (SELECT array_agg((random() - 0.5) * %(noise)s + 0 * (g + n.copy))::vector(384)
                                   FROM generate_series(1, 384) g))
FROM copy_plan n JOIN chunks c USING (chunk_id)
ORDER BY n.label_id
-- name: sentences
INSERT INTO sentences (chunk_id, label_id, start_at, end_at, embedding)
SELECT s.chunk_id || '~' || n.copy, n.label_id, s.start_at, s.end_at, s.embedding
FROM copy_plan n JOIN sentences s USING (chunk_id)
-- name: chunk_terms
INSERT INTO chunk_terms (chunk_id, label_id, ordinal, length, terms, counts)
SELECT t.chunk_id || '~' || n.copy, n.label_id,
       s.next_ordinal + row_number() OVER (PARTITION BY n.label_id ORDER BY t.chunk_id, n.copy) - 1,
       t.length, t.terms, t.counts
FROM copy_plan n JOIN chunk_terms t USING (chunk_id)
JOIN LATERAL (
    SELECT coalesce(max(x.next_ordinal), 0) AS next_ordinal FROM label_statistics x WHERE x.label_id = n.label_id
) s ON true
-- name: posting_blocks
INSERT INTO posting_blocks (term, label_id, block, entries)
SELECT term, label_id, ordinal / 1024, string_agg(posting_entry(ordinal, length, count), ''::bytea ORDER BY ordinal)
FROM chunk_terms, unnest(terms, counts) AS held (term, count)
WHERE chunk_id LIKE '%%~%%'
GROUP BY term, label_id, ordinal / 1024
ON CONFLICT (term, label_id, block) DO UPDATE SET entries = posting_blocks.entries || excluded.entries
-- name: mentions
INSERT INTO mentions (entity_id, chunk_id, label_id, kind, key, surface, start_at, end_at, in_title)
SELECT m.entity_id, m.chunk_id || '~' || n.copy, n.label_id, m.kind, m.key, m.surface,
       m.start_at, m.end_at, m.in_title
FROM copy_plan n JOIN mentions m USING (chunk_id)
-- name: mention_tokens
INSERT INTO mention_tokens (token, label_id, entity_id, chunk_id, in_title, key)
SELECT t.token, n.label_id, t.entity_id, t.chunk_id || '~' || n.copy, t.in_title, t.key
FROM copy_plan n JOIN mention_tokens t USING (chunk_id)
-- name: relations
INSERT INTO relations (relation_id, chunk_id, label_id, type, source_id, source_name, target_id, target_name,
                       start_at, end_at, properties)
SELECT r.relation_id || '~' || n.copy, r.chunk_id || '~' || n.copy, n.label_id, r.type, r.source_id,
       r.source_name, r.target_id, r.target_name, r.start_at, r.end_at, r.properties
FROM copy_plan n JOIN relations r USING (chunk_id)
-- name: definitions
INSERT INTO definitions (key, label_id, chunk_id, in_title)
SELECT d.key, n.label_id, d.chunk_id || '~' || n.copy, d.in_title
FROM copy_plan n JOIN definitions d USING (chunk_id)
-- name: statistics
INSERT INTO label_statistics (label_id, chunks, terms, next_ordinal)
SELECT label_id, count(*), sum(length), max(ordinal) + 1 FROM chunk_terms GROUP BY label_id
ON CONFLICT (label_id) DO UPDATE SET chunks = excluded.chunks, terms = excluded.terms,
    next_ordinal = excluded.next_ordinal
