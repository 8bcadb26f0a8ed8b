-- name: revoke
INSERT INTO revocations (tenant, sub, reason, revoked_by) VALUES (%(tenant)s, %(sub)s, %(reason)s, %(by)s)
ON CONFLICT (tenant, sub) DO NOTHING
-- name: reinstate
DELETE FROM revocations WHERE tenant = %(tenant)s AND sub = %(sub)s
