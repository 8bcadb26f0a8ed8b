-- name: standing
-- Documents that the asker may read a part of, whole or not; a part under hold that they see counts for all.
SELECT d.document_key, d.document_id, d.label_id, d.source, d.ingested_at,
       EXISTS (SELECT FROM parts p JOIN legal_holds h ON h.part_id = p.part_id AND h.label_id = ANY({labels})
               WHERE p.document_key = d.document_key AND p.label_id = ANY({labels})) AS held
FROM documents d
WHERE d.tenant = %(tenant)s AND d.label_id = ANY({labels}) AND d.ingested_at < %(before)s
  AND EXISTS (SELECT FROM parts p WHERE p.document_key = d.document_key AND p.label_id = ANY({labels}))
ORDER BY d.ingested_at, d.document_id, d.label_id
