-- name: linked
SELECT DISTINCT entity_id, key
FROM mention_tokens
WHERE token = ANY(%(tokens)s) AND label_id = ANY({labels})
-- name: entities_in
SELECT DISTINCT chunk_id, entity_id
FROM mentions
WHERE chunk_id = ANY(%(chunks)s) AND label_id = ANY({labels})
ORDER BY chunk_id, entity_id
-- name: mentions
WITH named AS (
    SELECT entity_id, chunk_id, min(key) AS name, count(*) OVER (PARTITION BY entity_id) AS degree
    FROM mentions
    WHERE entity_id = ANY(%(entities)s) AND label_id = ANY({labels})
    GROUP BY entity_id, chunk_id
)
SELECT entity_id, name, chunk_id, degree FROM named
WHERE degree <= %(most)s OR chunk_id = ANY(%(near)s)
ORDER BY entity_id, chunk_id
-- name: defined
WITH defined AS (
    SELECT key, chunk_id, count(*) OVER (PARTITION BY key) AS degree
    FROM definitions
    WHERE key = ANY(%(keys)s) AND label_id = ANY({labels})
    GROUP BY key, chunk_id
)
SELECT key, chunk_id FROM defined
WHERE degree <= %(most)s OR chunk_id = ANY(%(near)s)
ORDER BY key, chunk_id
-- name: neighbours
SELECT DISTINCT target_id AS entity_id, target_name AS name, source_id AS from_id,
       source_name AS from_name, type AS relation
FROM relations
WHERE source_id = ANY(%(entities)s) AND label_id = ANY({labels})
UNION
SELECT DISTINCT source_id, source_name, target_id, target_name, type
FROM relations
WHERE target_id = ANY(%(entities)s) AND label_id = ANY({labels})
ORDER BY 3, 1, 5, 4, 2
