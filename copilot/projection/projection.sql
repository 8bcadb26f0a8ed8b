-- name: lead
SELECT pg_try_advisory_xact_lock(7210002) AS leads
-- name: lead_waiting
SELECT pg_advisory_xact_lock(7210002)
-- name: state
SELECT state, generation::text AS generation, filled_to FROM graph_projection
-- name: token
SELECT pg_current_xact_id()::text::bigint AS token
-- name: backlog
SELECT count(*) AS changes, coalesce(extract(epoch FROM clock_timestamp() - min(noted_at)), 0)::float8 AS seconds
FROM graph_outbox
-- name: waiting
-- Restrictions first: while one waits, whoever may read its label reads no graph.
SELECT seq, part_id, times IS NOT NULL AS refused FROM graph_outbox LEFT JOIN graph_refusals USING (part_id)
ORDER BY what = 'added', refused, seq LIMIT %(most)s
-- name: done
DELETE FROM graph_outbox WHERE seq = ANY(%(seqs)s)
-- name: written
UPDATE graph_projection SET token = %(token)s
-- name: parts_after
SELECT part_id, times IS NOT NULL AS refused FROM parts LEFT JOIN graph_refusals USING (part_id)
WHERE part_id > %(filled_to)s ORDER BY part_id LIMIT %(most)s
-- name: filled_to
UPDATE graph_projection SET filled_to = %(filled_to)s
-- name: kept
UPDATE graph_projection SET state = 'kept', filled_to = ''
-- name: fill
WITH forgotten AS (DELETE FROM graph_refusals)
SELECT fill_graph()
-- name: stop
UPDATE graph_projection SET state = 'off', filled_to = ''
-- name: forget
WITH forgotten AS (DELETE FROM graph_refusals)
DELETE FROM graph_outbox
-- name: refused
-- Of a part that is gone by now the note alone knows the label; where that is done, too, there is nothing to refuse.
INSERT INTO graph_refusals (part_id, label_id)
SELECT part_id, min(label_id) FROM (
    SELECT part_id, label_id FROM parts UNION ALL SELECT part_id, label_id FROM graph_outbox
) known WHERE part_id = ANY(%(parts)s) GROUP BY part_id
ON CONFLICT (part_id) DO UPDATE SET times = graph_refusals.times + 1
RETURNING times
-- name: accepted
DELETE FROM graph_refusals WHERE part_id = ANY(%(parts)s)
-- name: set_aside
SELECT part_id FROM graph_refusals JOIN parts USING (part_id) WHERE times >= %(most)s ORDER BY part_id
-- name: chunks
SELECT chunk_id, part_id, label_id FROM chunks WHERE part_id = ANY(%(parts)s)
-- name: mentions
SELECT DISTINCT m.chunk_id, m.entity_id, m.label_id, m.key
FROM mentions m JOIN chunks c ON c.chunk_id = m.chunk_id WHERE c.part_id = ANY(%(parts)s)
-- name: words
SELECT DISTINCT token, m.entity_id, m.label_id
FROM mentions m JOIN chunks c ON c.chunk_id = m.chunk_id, unnest(string_to_array(m.key, ' ')) token
WHERE c.part_id = ANY(%(parts)s) AND token <> ''
-- name: definitions
SELECT DISTINCT n.chunk_id, n.key, n.label_id
FROM definitions n JOIN chunks c ON c.chunk_id = n.chunk_id WHERE c.part_id = ANY(%(parts)s)
-- name: relations
SELECT r.relation_id, r.chunk_id, r.label_id, r.type, r.source_id, r.source_name, r.target_id, r.target_name
FROM relations r JOIN chunks c ON c.chunk_id = r.chunk_id WHERE c.part_id = ANY(%(parts)s)
-- name: cites
SELECT p.chunk_id, p.answer_id FROM provenance_cites p JOIN chunks c ON c.chunk_id = p.chunk_id
WHERE c.part_id = ANY(%(parts)s)
-- name: chunks_after
SELECT chunk_id FROM chunks WHERE chunk_id > %(after)s ORDER BY chunk_id LIMIT %(most)s
-- name: facts_of_chunks
SELECT label_id, ARRAY['chunk', chunk_id, part_id] AS fact FROM chunks WHERE chunk_id = ANY(%(chunks)s)
UNION ALL
SELECT DISTINCT label_id, ARRAY['mention', chunk_id, entity_id, key] FROM mentions WHERE chunk_id = ANY(%(chunks)s)
UNION ALL
SELECT DISTINCT label_id, ARRAY['definition', chunk_id, key] FROM definitions WHERE chunk_id = ANY(%(chunks)s)
UNION ALL
SELECT r.label_id, ARRAY['relation', r.relation_id, r.chunk_id, c.part_id, r.type, r.source_id, r.source_name,
    r.target_id, r.target_name]
FROM relations r JOIN chunks c ON c.chunk_id = r.chunk_id WHERE r.chunk_id = ANY(%(chunks)s)
-- name: words_after
SELECT token, label_id, entity_id FROM name_tokens
WHERE (token, label_id, entity_id) > (%(token)s, %(label_id)s, %(entity_id)s)
ORDER BY token, label_id, entity_id LIMIT %(most)s
