-- name: held
SELECT part_id FROM legal_holds WHERE part_id = ANY(%(part_ids)s) AND label_id = ANY({labels}) LIMIT 1
-- name: held_documents
-- Which of these documents have a part under hold, as far as the asker may see both.
SELECT DISTINCT d.document_id, d.label_id
FROM unnest(%(document_ids)s::text[], %(label_ids)s::int[]) AS given (document_id, label_id)
JOIN documents d ON d.document_id = given.document_id AND d.label_id = given.label_id AND d.label_id = ANY({labels})
JOIN parts p ON p.document_key = d.document_key AND p.label_id = ANY({labels})
JOIN legal_holds h ON h.part_id = p.part_id AND h.label_id = ANY({labels})
WHERE d.tenant = %(tenant)s
-- name: hold
INSERT INTO legal_holds (part_id, label_id, held_by)
SELECT part_id, label_id, %(sub)s FROM parts WHERE part_id = ANY(%(part_ids)s) AND label_id = ANY({labels})
ON CONFLICT (part_id) DO NOTHING
-- name: release
DELETE FROM legal_holds WHERE part_id = ANY(%(part_ids)s) AND label_id = ANY({labels})
