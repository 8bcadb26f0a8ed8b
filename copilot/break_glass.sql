-- name: request
INSERT INTO grants (grant_id, tenant, sub, clearance, compartments, authorities, reason, seconds, operator)
VALUES (%(grant_id)s, %(tenant)s, %(sub)s, %(clearance)s, %(compartments)s, %(authorities)s, %(reason)s,
        %(seconds)s, %(operator)s)
RETURNING *, now() AS at
-- name: one
SELECT *, now() AS at FROM grants WHERE grant_id = %(grant_id)s AND tenant = %(tenant)s
-- name: approve
-- Whole seconds, as policy counts them, and never more than were asked for. A request waits for 20 hours, so
-- that the longest grant is over within a day of it.
UPDATE grants SET approved_by = %(by)s, approved_at = now(),
    not_after = date_trunc('second', now()) + seconds * interval '1 second'
WHERE grant_id = %(grant_id)s AND tenant = %(tenant)s AND sub <> %(by)s
  AND approved_by IS NULL AND ended_by IS NULL AND requested_at > now() - interval '20 hours'
RETURNING *, now() AS at
-- name: end
UPDATE grants SET ended_by = %(by)s, ended_at = now()
WHERE grant_id = %(grant_id)s AND tenant = %(tenant)s AND ended_by IS NULL
  AND CASE WHEN approved_by IS NULL THEN requested_at > now() - interval '20 hours' ELSE not_after > now() END
RETURNING *, now() AS at
-- name: newest
SELECT *, now() AS at FROM grants
WHERE tenant = %(tenant)s AND (
    %(after)s::text IS NULL
    OR (requested_at, grant_id) < (SELECT requested_at, grant_id FROM grants
                                   WHERE grant_id = %(after)s AND tenant = %(tenant)s)
)
ORDER BY requested_at DESC, grant_id DESC LIMIT %(first)s
