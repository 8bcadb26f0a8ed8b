-- name: document
SELECT p.part_id, p.text, p.label_id, p.position, d.label_id AS document_label_id, d.document_id, d.title, d.metadata, p.document_key
FROM parts p
LEFT JOIN documents d ON d.document_key = p.document_key AND d.label_id = ANY({labels})
LEFT JOIN labels l ON l.label_id = d.label_id
WHERE p.label_id = ANY({labels}) AND p.document_key IN (
    SELECT document_key FROM documents
    WHERE document_id = %(id)s AND tenant = %(tenant)s AND label_id = ANY({labels})
    UNION
    SELECT x.document_key FROM parts x
    WHERE x.part_id = %(id)s AND x.label_id = ANY({labels}) AND NOT EXISTS (
        SELECT FROM documents o WHERE o.document_key = x.document_key AND o.label_id = ANY({labels})
    )
)
ORDER BY l.canonical, p.position, p.part_id
-- name: entities
SELECT e.entity_id, sum(e.chunks) AS chunks
FROM entity_labels e
WHERE e.label_id = ANY({labels}) AND e.entity_id IN (
    SELECT entity_id FROM name_tokens
    WHERE token = ANY(%(tokens)s) AND label_id = ANY({labels})
    GROUP BY entity_id
    HAVING count(DISTINCT token) = (SELECT count(DISTINCT wanted) FROM unnest(%(tokens)s::text[]) wanted)
)
GROUP BY e.entity_id
ORDER BY sum(e.chunks) DESC, e.entity_id
LIMIT 1
-- name: entity_mentions
SELECT m.kind, m.surface, m.start_at, m.end_at, m.in_title, m.label_id, m.chunk_id, c.part_id,
       d.document_id
FROM mentions m
JOIN chunks c ON c.chunk_id = m.chunk_id AND c.label_id = ANY({labels})
JOIN parts p ON p.part_id = c.part_id AND p.label_id = ANY({labels})
LEFT JOIN documents d ON d.document_key = p.document_key AND d.label_id = ANY({labels})
WHERE m.entity_id = %(entity)s AND m.label_id = ANY({labels})
ORDER BY m.chunk_id, m.in_title, m.start_at
-- name: entity_relations
SELECT r.relation_id, r.type, r.source_id, r.source_name, r.target_id, r.target_name, r.properties, r.label_id,
       r.start_at, r.end_at, r.chunk_id, c.part_id, d.document_id,
       substr(c.text, r.start_at - c.start_at + 1, r.end_at - r.start_at) AS quote
FROM relations r
JOIN chunks c ON c.chunk_id = r.chunk_id AND c.label_id = ANY({labels})
JOIN parts p ON p.part_id = c.part_id AND p.label_id = ANY({labels})
LEFT JOIN documents d ON d.document_key = p.document_key AND d.label_id = ANY({labels})
WHERE (r.source_id = %(entity)s OR r.target_id = %(entity)s OR r.relation_id = ANY(%(relations)s))
  AND r.label_id = ANY({labels})
ORDER BY r.type, r.chunk_id, r.start_at, r.relation_id
-- name: entity_names
-- Each with one part for each label, whose text the name comes from.
SELECT m.entity_id, m.label_id, m.surface, m.kind, count(*) AS times, min(c.part_id) AS part_id
FROM mentions m JOIN chunks c ON c.chunk_id = m.chunk_id AND c.label_id = ANY({labels})
WHERE m.entity_id = ANY(%(entities)s) AND m.label_id = ANY({labels})
GROUP BY m.entity_id, m.label_id, m.surface, m.kind
ORDER BY m.entity_id, part_id, m.surface, m.kind
-- name: names_in
SELECT DISTINCT chunk_id, surface, kind, start_at, end_at
FROM mentions
WHERE chunk_id = ANY(%(chunks)s) AND label_id = ANY({labels}) AND NOT in_title
ORDER BY chunk_id, start_at, surface, kind
-- name: relations_in
SELECT chunk_id, type, start_at, end_at
FROM relations
WHERE chunk_id = ANY(%(chunks)s) AND label_id = ANY({labels})
ORDER BY chunk_id, start_at, end_at, type
