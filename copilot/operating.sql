-- name: tenants
SELECT tenant FROM label_epochs ORDER BY tenant
-- name: late
SELECT ledger_id, names, tenant, label FROM take_late_openings()
-- name: last
SELECT o.value FROM ledger_timeline t JOIN ledger_openings o ON o.ledger_id = t.ledger_id AND o.recorded_at = t.recorded_at
 AND o.name = %(name)s
WHERE t.tenant = %(tenant)s AND t.kind = %(kind)s AND t.label_id = ANY({labels})
ORDER BY t.recorded_at DESC, t.ledger_id DESC LIMIT 1
