-- name: kept
SELECT tenant, sha256 FROM policy_bundles
JOIN unnest(%(owners)s::text[], %(digests)s::bytea[]) AS named (tenant, sha256) USING (tenant, sha256)
-- name: keep
INSERT INTO policy_bundles (tenant, sha256, rules, sources, wasm)
VALUES (%(owner)s, %(digest)s, %(rules)s, %(sources)s, %(wasm)s) ON CONFLICT DO NOTHING
-- name: bundle
SELECT rules, sources, wasm FROM policy_bundles WHERE tenant = %(owner)s AND sha256 = %(digest)s
-- name: entry
SELECT recorded_at, label_id, leaf FROM ledger_entries
WHERE ledger_id = %(ledger_id)s AND tenant = %(tenant)s AND label_id = ANY({labels})
-- name: openings
SELECT name, salt, value FROM ledger_openings WHERE ledger_id = %(ledger_id)s AND label_id = ANY({labels})
-- name: scope
SELECT value FROM ledger_scopes
WHERE label_id = %(label_id)s AND sha256 = %(sha256)s AND label_id = ANY({labels})
