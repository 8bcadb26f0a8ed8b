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
SELECT seq, part_id FROM graph_outbox ORDER BY what = 'added', seq LIMIT %(most)s
-- name: done
DELETE FROM graph_outbox WHERE seq = ANY(%(seqs)s)
-- name: written
UPDATE graph_projection SET token = %(token)s
-- name: parts_after
SELECT part_id FROM parts WHERE part_id > %(filled_to)s ORDER BY part_id LIMIT %(most)s
-- name: filled_to
UPDATE graph_projection SET filled_to = %(filled_to)s
-- name: kept
UPDATE graph_projection SET state = 'kept', filled_to = ''
-- name: fill
SELECT fill_graph()
-- name: stop
UPDATE graph_projection SET state = 'off', filled_to = ''
-- name: forget
DELETE FROM graph_outbox
-- name: chunks
SELECT c.chunk_id, c.part_id, c.label_id, d.tenant
FROM chunks c JOIN parts p ON p.part_id = c.part_id JOIN documents d ON d.document_key = p.document_key
WHERE c.part_id = ANY(%(parts)s)
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
-- name: chunk_facts
SELECT c.label_id, ARRAY['chunk', c.chunk_id, c.part_id, d.tenant] AS fact
FROM chunks c JOIN parts p ON p.part_id = c.part_id JOIN documents d ON d.document_key = p.document_key
-- name: mention_facts
SELECT DISTINCT label_id, ARRAY['mention', chunk_id, entity_id, key] AS fact FROM mentions
-- name: word_facts
SELECT label_id, ARRAY['word', entity_id, token] AS fact FROM name_tokens
-- name: definition_facts
SELECT DISTINCT label_id, ARRAY['definition', chunk_id, key] AS fact FROM definitions
-- name: relation_facts
SELECT r.label_id, ARRAY['relation', r.relation_id, r.chunk_id, c.part_id, r.type, r.source_id, r.source_name,
    r.target_id, r.target_name] AS fact
FROM relations r JOIN chunks c ON c.chunk_id = r.chunk_id
