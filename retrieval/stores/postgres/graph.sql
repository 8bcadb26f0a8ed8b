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
    SELECT m.entity_id, m.chunk_id, min(m.key) AS name, bool_or(m.in_title) AS in_title
    FROM mentions m
    WHERE m.entity_id = ANY(%(entities)s) AND m.label_id = ANY({labels})
    GROUP BY m.entity_id, m.chunk_id
), ranked AS (
    SELECT n.*, count(*) OVER (PARTITION BY n.entity_id) AS degree,
           -(c.embedding <#> %(vector)s) AS similarity,
           row_number() OVER (
               PARTITION BY n.entity_id ORDER BY n.in_title DESC, c.embedding <#> %(vector)s, n.chunk_id
           ) AS place
    -- By its key for each, whatever row-level security makes the planner believe of all chunks: hence OFFSET.
    FROM named n CROSS JOIN LATERAL (
        SELECT embedding FROM chunks x WHERE x.chunk_id = n.chunk_id AND x.label_id = ANY({labels}) OFFSET 0
    ) c
)
SELECT entity_id, name, chunk_id, degree, in_title, similarity
FROM ranked WHERE place <= %(most)s
ORDER BY entity_id, place
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
