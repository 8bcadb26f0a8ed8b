-- name: due
-- The newest checkpoint for each destination that has not got it, and the size of the last that it got.
SELECT d.name, c.size, c.note, coalesce((SELECT max(p.size) FROM ledger_published p WHERE p.destination = d.name), 0) AS known
FROM unnest(%(names)s::text[]) AS d (name),
     (SELECT size, note FROM ledger_checkpoints ORDER BY size DESC LIMIT 1) c
WHERE NOT EXISTS (SELECT FROM ledger_published p WHERE p.destination = d.name AND p.size = c.size)
-- name: published
INSERT INTO ledger_published (destination, size, cosignatures) VALUES (%(name)s, %(size)s, %(cosignatures)s)
ON CONFLICT DO NOTHING
-- name: late
-- How long the oldest checkpoint has waited that a destination has not got, nor a later one; in seconds.
SELECT d.name, extract(epoch FROM clock_timestamp() - min(c.sealed_at))::float8 AS waits_s
FROM unnest(%(names)s::text[]) AS d (name)
JOIN ledger_checkpoints c ON c.size > coalesce((SELECT max(p.size) FROM ledger_published p WHERE p.destination = d.name), 0)
GROUP BY d.name
