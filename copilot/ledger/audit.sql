-- name: things
-- How the ledger knows the names by which something is asked for.
SELECT ledger_thing(%(tenant)s, asked.kind,
                    CASE asked.kind WHEN 'label' THEN asked.name::jsonb::text ELSE asked.name END)::text AS thing
FROM unnest(%(kinds)s::text[], %(names)s::text[]) WITH ORDINALITY AS asked (kind, name, place)
ORDER BY asked.place
-- name: parts
-- Who may not know the document's id was shown its parts by theirs.
SELECT p.part_id FROM documents d JOIN parts p ON p.document_key = d.document_key AND p.label_id = ANY({labels})
WHERE d.tenant = %(tenant)s AND d.document_id = %(document)s AND d.label_id = ANY({labels})
ORDER BY p.part_id LIMIT %(most)s
-- name: cursor
SELECT e.recorded_at FROM ledger_entries e
WHERE e.ledger_id = %(after)s AND e.tenant = %(tenant)s AND e.label_id = ANY({labels})
-- name: newest
SELECT n.ledger_id FROM unnest(%(kinds)s::text[]) AS k (kind) CROSS JOIN LATERAL (
    SELECT t.recorded_at, t.ledger_id FROM ledger_timeline t
    WHERE t.tenant = %(tenant)s AND t.kind = k.kind AND t.label_id = ANY({labels})
      AND (%(outcome)s::text IS NULL OR t.outcome = %(outcome)s)
      AND t.recorded_at >= coalesce(%(since)s::timestamptz, '-infinity')
      AND (t.recorded_at, t.ledger_id) < (coalesce(%(before)s::timestamptz, 'infinity'), %(before_id)s)
    ORDER BY t.recorded_at DESC, t.ledger_id DESC LIMIT %(first)s
) AS n
ORDER BY n.recorded_at DESC, n.ledger_id DESC LIMIT %(first)s
-- name: by_person
SELECT n.ledger_id FROM unnest(%(kinds)s::text[]) AS k (kind) CROSS JOIN LATERAL (
    SELECT t.recorded_at, t.ledger_id FROM ledger_timeline t
    WHERE t.tenant = %(tenant)s AND t.sub = %(sub)s AND t.kind = k.kind AND t.label_id = ANY({labels})
      AND (%(outcome)s::text IS NULL OR t.outcome = %(outcome)s)
      AND t.recorded_at >= coalesce(%(since)s::timestamptz, '-infinity')
      AND (t.recorded_at, t.ledger_id) < (coalesce(%(before)s::timestamptz, 'infinity'), %(before_id)s)
    ORDER BY t.recorded_at DESC, t.ledger_id DESC LIMIT %(first)s
) AS n
ORDER BY n.recorded_at DESC, n.ledger_id DESC LIMIT %(first)s
-- name: touching
-- Things of one group are names of one thing; of each group one must be touched. The first group leads.
SELECT DISTINCT n.recorded_at, n.ledger_id FROM unnest(%(things)s::uuid[]) AS w (thing) CROSS JOIN LATERAL (
    SELECT t.recorded_at, t.ledger_id FROM ledger_touched t
    WHERE t.thing = w.thing AND t.label_id = ANY({labels}) AND (t.shown OR NOT %(shown)s)
      AND t.recorded_at >= coalesce(%(since)s::timestamptz, '-infinity')
      AND (t.recorded_at, t.ledger_id) < (coalesce(%(before)s::timestamptz, 'infinity'), %(before_id)s)
      AND (%(any_act)s OR EXISTS (
          SELECT FROM ledger_acts a WHERE a.ledger_id = t.ledger_id AND a.recorded_at = t.recorded_at
            AND a.kind = ANY(%(kinds)s)
            AND (%(outcome)s::text IS NULL OR a.outcome = %(outcome)s)))
      AND (%(groups)s = 0 OR %(groups)s = (
          SELECT count(DISTINCT o.number)
          FROM unnest(%(other_groups)s::int[], %(others)s::uuid[]) AS o (number, thing)
          WHERE EXISTS (SELECT FROM ledger_touched x WHERE x.thing = o.thing AND x.recorded_at = t.recorded_at
                        AND x.ledger_id = t.ledger_id)))
    ORDER BY t.recorded_at DESC, t.ledger_id DESC LIMIT %(first)s
) AS n
ORDER BY n.recorded_at DESC, n.ledger_id DESC LIMIT %(first)s
-- name: touching_by_person
SELECT DISTINCT n.recorded_at, n.ledger_id FROM unnest(%(things)s::uuid[]) AS w (thing) CROSS JOIN LATERAL (
    SELECT t.recorded_at, t.ledger_id FROM ledger_touched t
    WHERE t.thing = w.thing AND t.sub = %(sub)s AND t.label_id = ANY({labels}) AND (t.shown OR NOT %(shown)s)
      AND t.recorded_at >= coalesce(%(since)s::timestamptz, '-infinity')
      AND (t.recorded_at, t.ledger_id) < (coalesce(%(before)s::timestamptz, 'infinity'), %(before_id)s)
      AND (%(any_act)s OR EXISTS (
          SELECT FROM ledger_acts a WHERE a.ledger_id = t.ledger_id AND a.recorded_at = t.recorded_at
            AND a.kind = ANY(%(kinds)s)
            AND (%(outcome)s::text IS NULL OR a.outcome = %(outcome)s)))
      AND (%(groups)s = 0 OR %(groups)s = (
          SELECT count(DISTINCT o.number)
          FROM unnest(%(other_groups)s::int[], %(others)s::uuid[]) AS o (number, thing)
          WHERE EXISTS (SELECT FROM ledger_touched x WHERE x.thing = o.thing AND x.recorded_at = t.recorded_at
                        AND x.ledger_id = t.ledger_id)))
    ORDER BY t.recorded_at DESC, t.ledger_id DESC LIMIT %(first)s
) AS n
ORDER BY n.recorded_at DESC, n.ledger_id DESC LIMIT %(first)s
-- name: people
-- From one person to the next by the index, whatever each was shown; then so many of their acts, each once by
-- whichever name, and the first.
WITH RECURSIVE walk (sub) AS (
    (SELECT n.sub FROM unnest(%(things)s::uuid[]) AS w (thing) CROSS JOIN LATERAL (
        SELECT t.sub FROM ledger_touched t
        WHERE t.thing = w.thing AND t.shown AND t.label_id = ANY({labels}) AND t.sub > %(after_person)s
          AND t.recorded_at >= coalesce(%(since)s::timestamptz, '-infinity')
          AND t.recorded_at < coalesce(%(until)s::timestamptz, 'infinity')
        ORDER BY t.sub LIMIT 1
    ) AS n ORDER BY n.sub LIMIT 1)
    UNION ALL
    SELECT (SELECT n.sub FROM unnest(%(things)s::uuid[]) AS w (thing) CROSS JOIN LATERAL (
        SELECT t.sub FROM ledger_touched t
        WHERE t.thing = w.thing AND t.shown AND t.label_id = ANY({labels}) AND t.sub > walk.sub
          AND t.recorded_at >= coalesce(%(since)s::timestamptz, '-infinity')
          AND t.recorded_at < coalesce(%(until)s::timestamptz, 'infinity')
        ORDER BY t.sub LIMIT 1
    ) AS n ORDER BY n.sub LIMIT 1)
    FROM walk WHERE walk.sub IS NOT NULL
)
SELECT p.sub, d.acts, d.last_at, f.first_at, array_append(d.label_ids, f.label_id) AS label_ids
FROM (SELECT sub FROM walk WHERE sub IS NOT NULL LIMIT %(people)s) AS p
CROSS JOIN LATERAL (
    SELECT sum(g.acts)::int AS acts, max(g.last_at) AS last_at, array_agg(g.label_id) AS label_ids FROM (
        SELECT r.label_id, count(*) AS acts, max(r.recorded_at) AS last_at
        FROM unnest(%(things)s::uuid[]) WITH ORDINALITY AS w (thing, place) CROSS JOIN LATERAL (
            SELECT t.recorded_at, t.label_id FROM ledger_touched t
            WHERE t.thing = w.thing AND t.sub = p.sub AND t.shown AND t.label_id = ANY({labels})
              AND t.recorded_at >= coalesce(%(since)s::timestamptz, '-infinity')
              AND t.recorded_at < coalesce(%(until)s::timestamptz, 'infinity')
              AND (w.place = 1 OR NOT EXISTS (
                  SELECT FROM ledger_touched x WHERE x.thing = ANY((%(things)s::uuid[])[:w.place - 1])
                    AND x.recorded_at = t.recorded_at AND x.ledger_id = t.ledger_id AND x.shown))
            ORDER BY t.recorded_at DESC, t.ledger_id DESC LIMIT %(most)s
        ) AS r
        GROUP BY r.label_id
    ) AS g
) AS d
CROSS JOIN LATERAL (
    SELECT r.recorded_at AS first_at, r.label_id
    FROM unnest(%(things)s::uuid[]) AS w (thing) CROSS JOIN LATERAL (
        SELECT t.recorded_at, t.ledger_id, t.label_id FROM ledger_touched t
        WHERE t.thing = w.thing AND t.sub = p.sub AND t.shown AND t.label_id = ANY({labels})
          AND t.recorded_at >= coalesce(%(since)s::timestamptz, '-infinity')
          AND t.recorded_at < coalesce(%(until)s::timestamptz, 'infinity')
        ORDER BY t.recorded_at, t.ledger_id LIMIT 1
    ) AS r
    ORDER BY r.recorded_at, r.ledger_id LIMIT 1
) AS f
ORDER BY p.sub
-- name: kinds
SELECT k.kind, d.acts, d.last_at, f.first_at, array_append(d.label_ids, f.label_id) AS label_ids
FROM unnest(%(kinds)s::text[]) AS k (kind)
CROSS JOIN LATERAL (
    SELECT sum(g.acts)::int AS acts, max(g.last_at) AS last_at, array_agg(g.label_id) AS label_ids FROM (
        SELECT r.label_id, count(*) AS acts, max(r.recorded_at) AS last_at FROM (
            SELECT t.recorded_at, t.label_id FROM ledger_timeline t
            WHERE t.tenant = %(tenant)s AND t.sub = %(sub)s AND t.kind = k.kind AND t.label_id = ANY({labels})
              AND t.recorded_at >= coalesce(%(since)s::timestamptz, '-infinity')
              AND t.recorded_at < coalesce(%(until)s::timestamptz, 'infinity')
            ORDER BY t.recorded_at DESC, t.ledger_id DESC LIMIT %(most)s
        ) AS r
        GROUP BY r.label_id
    ) AS g
) AS d
CROSS JOIN LATERAL (
    SELECT t.recorded_at AS first_at, t.label_id FROM ledger_timeline t
    WHERE t.tenant = %(tenant)s AND t.sub = %(sub)s AND t.kind = k.kind AND t.label_id = ANY({labels})
      AND t.recorded_at >= coalesce(%(since)s::timestamptz, '-infinity')
      AND t.recorded_at < coalesce(%(until)s::timestamptz, 'infinity')
    ORDER BY t.recorded_at, t.ledger_id LIMIT 1
) AS f
ORDER BY k.kind
-- name: entries
-- With whether each opening is what the leaf commits to: nothing that was changed is shown beside its proof.
SELECT e.ledger_id, e.recorded_at, e.tenant, e.label_id, sha256('\x00'::bytea || e.leaf) AS leaf_hash,
       a.kind, a.sub, a.purpose, a.outcome, a.policy_revision, d.details, d.intact
FROM ledger_entries e JOIN ledger_acts a ON a.ledger_id = e.ledger_id AND a.recorded_at = e.recorded_at
 AND a.label_id = ANY({labels})
CROSS JOIN LATERAL (
    SELECT json_object_agg(o.name, coalesce(convert_from(s.value, 'UTF8'), convert_from(o.value, 'UTF8'))::json
                           ORDER BY o.name) AS details,
           bool_and(encode(sha256(o.salt || o.value), 'hex') IS NOT DISTINCT FROM c.commitments ->> o.name
                    AND sha256(s.value) IS NOT DISTINCT FROM s.sha256) AS intact
    FROM (SELECT convert_from(e.leaf, 'UTF8')::jsonb -> 'commitments') AS c (commitments), ledger_openings o
    LEFT JOIN ledger_scopes s ON s.label_id = o.label_id AND s.label_id = ANY({labels})
     AND s.sha256 = decode(CASE WHEN o.name = 'scope' THEN convert_from(o.value, 'UTF8')::json ->> 'sha256' END, 'hex')
    WHERE o.ledger_id = e.ledger_id AND o.recorded_at = e.recorded_at AND o.label_id = ANY({labels})
) AS d
WHERE e.ledger_id = ANY(%(ids)s) AND e.tenant = %(tenant)s AND e.label_id = ANY({labels})
ORDER BY e.recorded_at DESC, e.ledger_id DESC
