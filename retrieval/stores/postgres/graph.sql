-- name: linked
SELECT DISTINCT entity_id, key
FROM mention_tokens
WHERE token = ANY(%(tokens)s) AND label_id = ANY({labels})
-- name: around
-- Three lists in one: what is inside (chunk, entity), mentions (entity, chunk, name, degree), definitions (key, chunk).
WITH inside AS (
    SELECT DISTINCT chunk_id, entity_id FROM mentions
    WHERE chunk_id = ANY(%(chunks)s) AND label_id = ANY({labels})
), asked AS (
    SELECT entity_id FROM inside UNION SELECT unnest(%(entities)s::text[])
), named AS (
    SELECT entity_id, chunk_id, min(key) AS name, count(*) OVER (PARTITION BY entity_id) AS degree
    FROM mentions
    WHERE entity_id = ANY(ARRAY(SELECT entity_id FROM asked)) AND label_id = ANY({labels})
    GROUP BY entity_id, chunk_id
), defined AS (
    SELECT key, chunk_id, count(*) OVER (PARTITION BY key) AS degree FROM definitions
    WHERE key = ANY(%(keys)s) AND label_id = ANY({labels})
    GROUP BY key, chunk_id
)
SELECT 'inside' AS list, chunk_id AS source, entity_id AS target, '' AS name, 0 AS degree FROM inside
UNION ALL
SELECT 'mentions', entity_id, chunk_id, name, degree FROM named
WHERE degree <= %(most)s OR chunk_id = ANY(%(near)s)
UNION ALL
SELECT 'definitions', key, chunk_id, '', degree FROM defined
WHERE degree <= %(most)s OR chunk_id = ANY(%(near)s)
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
