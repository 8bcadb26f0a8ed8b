-- name: others
SELECT count(*) FROM chunks c JOIN parts p USING (part_id) JOIN documents d USING (document_key)
WHERE d.source <> %(source)s
-- name: present
SELECT label_id %% %(lanes)s AS lane, count(*) AS documents FROM documents
WHERE source = %(source)s AND label_id = ANY({labels}) GROUP BY lane
