-- name: newest
SELECT e.erasure_id, e.document_id, e.erased_by, e.erased_at, e.label_id, e.ledger_id, e.body FROM erasures e
WHERE e.tenant = %(tenant)s AND e.document_id = %(document_id)s AND e.ledger_id IS NOT NULL
  AND e.label_id = ANY({labels}) AND (%(erased_by)s::text IS NULL OR e.erased_by = %(erased_by)s)
ORDER BY e.erased_at DESC, e.erasure_id LIMIT 1
-- name: openings
SELECT o.ledger_id, o.commitments, o.answers, o.recorded FROM erased_openings o
WHERE o.erasure_id = %(erasure_id)s AND o.label_id = ANY({labels})
ORDER BY o.ledger_id
-- name: others
SELECT p.part_id, p.label_id, d.document_id FROM erasure_others o
JOIN parts p ON p.part_id = o.part_id AND p.label_id = ANY({labels})
LEFT JOIN documents d ON d.document_key = p.document_key AND d.label_id = ANY({labels})
WHERE o.erasure_id = %(erasure_id)s AND o.label_id = ANY({labels})
ORDER BY p.part_id
