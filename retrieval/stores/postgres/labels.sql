-- name: catalog
SELECT l.label_id, l.value, e.epoch
FROM label_epochs e LEFT JOIN labels l ON l.tenant = e.tenant
WHERE e.tenant = %(tenant)s
-- name: epoch
SELECT epoch FROM label_epochs WHERE tenant = %(tenant)s
-- name: intern
INSERT INTO labels (tenant, canonical, value) VALUES (%(tenant)s, %(canonical)s, %(value)s)
ON CONFLICT (canonical) DO NOTHING
-- name: id
SELECT label_id FROM labels WHERE canonical = %(canonical)s
