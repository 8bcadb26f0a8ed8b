-- name: lock
SELECT pg_try_advisory_lock(7210012) AS held
-- name: state
SELECT m.name AS stored_name, m.dimension AS stored_dimension, m.sha256 AS stored_sha256,
       j.name, j.dimension, j.sha256, j.switched
FROM (SELECT) one LEFT JOIN embedding_model m ON true LEFT JOIN embedding_job j ON true
-- name: begin
INSERT INTO embedding_job (name, dimension, sha256) VALUES (%(name)s, %(dimension)s, %(sha256)s)
-- name: indexed
SELECT i.indisvalid AS valid FROM pg_index i WHERE i.indexrelid = to_regclass('chunks_to_embed')
-- name: drop_index
DROP INDEX CONCURRENTLY IF EXISTS chunks_to_embed
-- name: index
CREATE INDEX CONCURRENTLY chunks_to_embed ON chunks (chunk_id) WHERE next_embedding IS NULL
-- name: next
-- Of chunks that lack the new vector: what is embedded, and by which row it is known whether it is that still.
SELECT c.chunk_id, c.xmin::text AS version, c.text, l.tenant, l.value AS label, d.title, dl.value AS about,
       ARRAY(SELECT s.start_at FROM sentences s WHERE s.chunk_id = c.chunk_id ORDER BY s.start_at) AS starts,
       ARRAY(SELECT s.end_at FROM sentences s WHERE s.chunk_id = c.chunk_id ORDER BY s.start_at) AS ends
FROM chunks c
JOIN labels l USING (label_id)
JOIN parts p USING (part_id)
JOIN documents d USING (document_key)
JOIN labels dl ON dl.label_id = d.label_id
WHERE c.next_embedding IS NULL AND c.chunk_id > %(after)s
ORDER BY c.chunk_id LIMIT %(limit)s
-- name: hold
-- Whoever deletes one of them is not waited for, so that nobody ever waits for us and we for them.
SELECT c.chunk_id FROM chunks c
JOIN unnest(%(chunk_ids)s::text[], %(versions)s::text[]) AS read (chunk_id, version) USING (chunk_id)
WHERE c.xmin::text = read.version
ORDER BY c.chunk_id FOR UPDATE OF c SKIP LOCKED
-- name: put
UPDATE chunks c SET next_embedding = given.embedding
FROM unnest(%(chunk_id)b::text[], %(embedding)b::vector[]) AS given (chunk_id, embedding)
WHERE c.chunk_id = given.chunk_id
-- name: put_sentences
UPDATE sentences s SET next_embedding = given.embedding
FROM unnest(%(chunk_id)b::text[], %(start_at)b::int[], %(embedding)b::halfvec[]) AS given (chunk_id, start_at, embedding)
WHERE s.chunk_id = given.chunk_id AND s.start_at = given.start_at
-- name: give_way
-- At most half a second for each, less than Postgres takes to look for a deadlock: it is us who give way.
SELECT set_config('lock_timeout', '500ms', true)
-- name: go_on
SELECT set_config('lock_timeout', '30s', true)
-- name: exclude
LOCK TABLE embedding_model, chunks, sentences IN ACCESS EXCLUSIVE MODE
-- name: switch
DROP INDEX IF EXISTS chunks_to_embed;
ALTER TABLE chunks DROP COLUMN embedding;
ALTER TABLE chunks RENAME COLUMN next_embedding TO embedding;
ALTER TABLE chunks ALTER COLUMN embedding SET STORAGE PLAIN, ADD COLUMN next_embedding vector,
    ADD CONSTRAINT chunks_embedded CHECK (embedding IS NOT NULL) NOT VALID;
ALTER TABLE chunks ALTER COLUMN next_embedding SET STORAGE EXTERNAL;
ALTER TABLE sentences DROP COLUMN embedding;
ALTER TABLE sentences RENAME COLUMN next_embedding TO embedding;
ALTER TABLE sentences ADD COLUMN next_embedding halfvec,
    ADD CONSTRAINT sentences_embedded CHECK (embedding IS NOT NULL) NOT VALID;
INSERT INTO embedding_model (name, dimension, sha256) SELECT name, dimension, sha256 FROM embedding_job
ON CONFLICT (one) DO UPDATE SET name = excluded.name, dimension = excluded.dimension, sha256 = excluded.sha256;
UPDATE embedding_job SET switched = true;
-- So that whoever has vectors in memory reads them anew.
UPDATE names_edition SET edition = edition + 1;
-- name: tenants
SELECT DISTINCT tenant FROM labels ORDER BY tenant
-- name: rewrite
-- A row that is written anew leaves behind what a dropped column still held.
WITH page AS MATERIALIZED (
    SELECT chunk_id FROM chunks WHERE chunk_id > %(after)s ORDER BY chunk_id LIMIT %(limit)s
), held AS MATERIALIZED (
    SELECT c.chunk_id FROM chunks c JOIN page USING (chunk_id) ORDER BY c.chunk_id FOR UPDATE OF c SKIP LOCKED
), sentences_written AS (
    UPDATE sentences s SET embedding = s.embedding FROM held WHERE s.chunk_id = held.chunk_id
), written AS (
    UPDATE chunks c SET embedding = c.embedding FROM held WHERE c.chunk_id = held.chunk_id
)
SELECT max(chunk_id) AS last FROM page
-- name: vacuum
VACUUM chunks, sentences
-- name: end
DELETE FROM embedding_job
-- name: abandon
DROP INDEX IF EXISTS chunks_to_embed;
ALTER TABLE chunks DROP COLUMN next_embedding, ADD COLUMN next_embedding vector;
ALTER TABLE chunks ALTER COLUMN next_embedding SET STORAGE EXTERNAL;
ALTER TABLE sentences DROP COLUMN next_embedding, ADD COLUMN next_embedding halfvec;
DELETE FROM embedding_job WHERE NOT switched;
