-- name: linked
-- Of each name the entities that share enough words with it; too many of them only where they bear just that name.
-- With k words shared of n and m, k is at least a third of n + m: so an entity of m words has one of the name's first
-- n - (n + m)/3 + 1 words, in whatever order. Those that the fewest visible entities have come first.
WITH words AS (
    SELECT name, token, count(*) OVER (PARTITION BY name) AS words
    FROM unnest(%(names)s::text[]) name, unnest(string_to_array(name, ' ')) token GROUP BY name, token
), asked AS (
    SELECT name, token, words, array_agg(token) OVER (PARTITION BY name) AS tokens,
           row_number() OVER (PARTITION BY name ORDER BY bearers, token) AS place
    FROM words CROSS JOIN LATERAL (
        SELECT count(*) AS bearers FROM (
            SELECT FROM name_tokens t WHERE t.token = words.token AND t.label_id = ANY({labels}) LIMIT 500
        ) few
    ) borne
), found AS (
    SELECT DISTINCT asked.name, asked.words, asked.tokens, t.entity_id, t.key, t.words AS others
    FROM asked CROSS JOIN LATERAL (
        SELECT entity_id, key, words FROM name_tokens t
        WHERE t.token = asked.token AND t.label_id = ANY({labels})
          AND t.words BETWEEN (asked.words + 1) / 2 AND 2 * asked.words - 3 * asked.place + 3 OFFSET 0
    ) t
    WHERE 3 * asked.place < 2 * asked.words + 3
), sharing AS (
    SELECT name, entity_id, key, words + others AS sum, (
        SELECT count(DISTINCT token) FROM unnest(string_to_array(key, ' ')) token WHERE token = ANY(tokens)
    ) AS shared
    FROM found
), close AS (
    SELECT entity_id, key, 2 * shared = sum AS same, count(*) OVER (PARTITION BY name) AS others
    FROM sharing WHERE 3 * shared >= sum
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
    SELECT close.entity_id, hub.chunk_id
    FROM (SELECT unnest(%(near)s::text[]) AS chunk_id WHERE EXISTS (SELECT FROM degrees WHERE degree > %(most)s)) hub
    CROSS JOIN LATERAL (
        SELECT m.entity_id FROM mentions m WHERE m.chunk_id = hub.chunk_id AND m.label_id = ANY({labels}) OFFSET 0
    ) close
    WHERE close.entity_id = ANY(ARRAY(SELECT entity_id FROM degrees WHERE degree > %(most)s))
), defined AS (
    SELECT key, chunk_id, count(*) OVER (PARTITION BY key) AS degree FROM definitions
    WHERE key = ANY(string_to_array(%(keys)s, E'\n')) AND label_id = ANY({labels})
    GROUP BY key, chunk_id
)
SELECT 'inside' AS list, chunk_id AS source, entity_id AS target, '' AS name, 0 AS degree FROM inside
UNION ALL
SELECT 'mentions', entity_id, chunk_id, name, degree FROM named JOIN degrees USING (entity_id)
UNION ALL
SELECT 'definitions', key, chunk_id, '', degree FROM defined
WHERE degree <= %(most)s OR chunk_id = ANY(%(near)s)
-- name: neighbours
-- Relations are counted no further than the bound, so that what has a million costs no more than what has one too many.
WITH few AS (
    SELECT array_agg(entity_id) AS ids
    FROM (SELECT DISTINCT unnest(%(entities)s::text[]) AS entity_id) asked
    WHERE (SELECT count(*) FROM (SELECT FROM relations WHERE source_id = entity_id AND label_id = ANY({labels})
                                 LIMIT %(most_relations)s + 1) onward)
        + (SELECT count(*) FROM (SELECT FROM relations WHERE target_id = entity_id AND label_id = ANY({labels})
                                 LIMIT %(most_relations)s + 1) back) <= %(most_relations)s
), steps AS (
    SELECT source_id AS from_id, source_name AS from_name, type AS relation, target_id AS entity_id,
           target_name AS name, relation_id, true AS forward
    FROM relations
    WHERE source_id = ANY((SELECT ids FROM few)::text[]) AND label_id = ANY({labels}) AND source_id <> target_id
    UNION ALL
    SELECT target_id, target_name, type, source_id, source_name, relation_id, false
    FROM relations
    WHERE target_id = ANY((SELECT ids FROM few)::text[]) AND label_id = ANY({labels}) AND source_id <> target_id
), degrees AS (
    SELECT from_id, count(DISTINCT entity_id) AS neighbours FROM steps GROUP BY from_id
), placed AS (
    SELECT *, row_number() OVER (PARTITION BY from_id, entity_id, relation, forward ORDER BY relation_id) AS place
    FROM steps JOIN degrees USING (from_id)
    WHERE neighbours <= %(most)s OR entity_id = ANY(%(near)s)
)
SELECT from_id, from_name, relation, entity_id, name, relation_id, forward FROM placed WHERE place <= %(stated)s
-- name: entities
WITH named AS (
    SELECT entity_id, key FROM name_tokens
    WHERE token = ANY(%(words)s) AND label_id = ANY({labels}) AND key COLLATE "C" > %(after)s
    GROUP BY entity_id, key HAVING count(DISTINCT token) = cardinality(%(words)s)
    ORDER BY key COLLATE "C" LIMIT %(limit)s
)
SELECT entity_id, named.key, sum(chunks)::int AS degree
FROM named JOIN entity_labels USING (entity_id)
WHERE label_id = ANY({labels})
GROUP BY entity_id, named.key ORDER BY named.key COLLATE "C"
