-- name: names
-- What a label's chunks from one ordinal to before another mention and define. Each by its key, whatever row-level
-- security makes the planner believe of all mentions: hence OFFSET.
WITH asked AS MATERIALIZED (
    SELECT t.chunk_id, t.ordinal FROM chunk_terms t
    WHERE t.label_id = %(label_id)s AND t.ordinal >= %(start)s AND t.ordinal < %(end)s AND t.label_id = ANY({labels})
), mentioned AS MATERIALIZED (
    SELECT DISTINCT asked.ordinal, found.entity_id, found.key FROM asked CROSS JOIN LATERAL (
        SELECT m.entity_id, m.key FROM mentions m
        WHERE m.chunk_id = asked.chunk_id AND m.label_id = ANY({labels}) OFFSET 0
    ) found
), defined AS MATERIALIZED (
    SELECT DISTINCT asked.ordinal, found.key FROM asked CROSS JOIN LATERAL (
        SELECT d.key FROM definitions d
        WHERE d.chunk_id = asked.chunk_id AND d.label_id = ANY({labels}) OFFSET 0
    ) found
), entities AS (
    SELECT DISTINCT entity_id, key FROM mentioned
)
SELECT (SELECT string_agg(int4send(ordinal) || decode(chunk_id, 'hex'), ''::bytea ORDER BY ordinal) FROM asked) AS chunks,
       (SELECT string_agg(int4send(ordinal) || decode(entity_id, 'hex'), ''::bytea) FROM mentioned) AS mentions,
       (SELECT string_agg(decode(entity_id, 'hex'), ''::bytea ORDER BY entity_id) FROM entities) AS entity_ids,
       (SELECT string_agg(key, E'\n' ORDER BY entity_id) FROM entities) AS entity_keys,
       (SELECT string_agg(int4send(ordinal), ''::bytea ORDER BY ordinal, key) FROM defined) AS definers,
       (SELECT string_agg(key, E'\n' ORDER BY ordinal, key) FROM defined) AS definitions
