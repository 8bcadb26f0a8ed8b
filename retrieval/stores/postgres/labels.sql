-- name: catalog
SELECT label_id, value FROM labels WHERE tenant = %(tenant)s
-- name: revoked
SELECT sub FROM revocations WHERE tenant = %(tenant)s
-- name: grants
SELECT grant_id, sub, clearance, compartments, authorities, extract(epoch FROM not_after)::bigint AS not_after
FROM grants
WHERE tenant = %(tenant)s AND approved_by IS NOT NULL AND ended_by IS NULL AND not_after > now()
ORDER BY grant_id
-- name: epoch
SELECT epoch FROM label_epochs WHERE tenant = %(tenant)s
-- name: intern
INSERT INTO labels (tenant, canonical, value) VALUES (%(tenant)s, %(canonical)s, %(value)s)
ON CONFLICT (canonical) DO NOTHING
-- name: id
SELECT label_id FROM labels WHERE canonical = %(canonical)s
-- name: fence
SELECT raise_fence(%(tenant)s)
