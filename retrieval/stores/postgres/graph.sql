-- name: linked
-- Of each name the entities that share enough words with it; too many of them only where they bear just that name.
WITH asked AS (
    SELECT DISTINCT name, token, different_words(name) AS words
    FROM unnest(%(names)s::text[]) name, unnest(string_to_array(name, ' ')) token
), sharing AS (
    SELECT asked.name, t.entity_id, t.key, count(DISTINCT t.token) AS shared,
           asked.words + t.words - count(DISTINCT t.token) AS total
    FROM name_tokens t JOIN asked USING (token)
    WHERE t.token = ANY(%(tokens)s) AND t.label_id = ANY({labels})
      AND t.words BETWEEN (asked.words + 1) / 2 AND 2 * asked.words  -- Others cannot share half.
    GROUP BY asked.name, asked.words, t.entity_id, t.key, t.words
), close AS (
    SELECT entity_id, key, shared = total AS same, count(*) OVER (PARTITION BY name) AS others
    FROM sharing WHERE 2 * shared >= total
)
SELECT DISTINCT entity_id, key FROM close WHERE same OR others <= %(most)s
-- name: around
-- Three lists in one: what is inside (chunk, entity), mentions (entity, chunk, name, degree), definitions (key, chunk).
WITH inside AS (
    SELECT DISTINCT chunk_id, entity_id FROM mentions
    WHERE chunk_id = ANY(%(chunks)s) AND label_id = ANY({labels})
), asked AS (
    SELECT entity_id FROM inside UNION SELECT unnest(%(entities)s::text[])
), degrees AS (
    SELECT entity_id, min(key) AS name, sum(chunks) AS degree FROM entity_labels
    WHERE entity_id = ANY(ARRAY(SELECT entity_id FROM asked)) AND label_id = ANY({labels})
    GROUP BY entity_id
), named AS (
    SELECT entity_id, chunk_id FROM mentions
    WHERE entity_id = ANY(ARRAY(SELECT entity_id FROM degrees WHERE degree <= %(most)s)) AND label_id = ANY({labels})
    UNION
    SELECT entity_id, chunk_id FROM mentions
    WHERE chunk_id = ANY(%(near)s) AND label_id = ANY({labels})
      AND entity_id = ANY(ARRAY(SELECT entity_id FROM degrees WHERE degree > %(most)s))
), defined AS (
    SELECT key, chunk_id, count(*) OVER (PARTITION BY key) AS degree FROM definitions
    WHERE key = ANY(%(keys)s) AND label_id = ANY({labels})
    GROUP BY key, chunk_id
)
SELECT 'inside' AS list, chunk_id AS source, entity_id AS target, '' AS name, 0 AS degree FROM inside
UNION ALL
SELECT 'mentions', entity_id, chunk_id, name, degree FROM named JOIN degrees USING (entity_id)
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
