-- A process that is killed while sentences are on their way leaves the opening record of the question and no end. Until
-- there is an end, what the model was given counts as shown: nobody knows which of it the person has read. The end takes
-- its place, as it tells what that was.

-- Nobody writes between what is looked at below and the triggers that go on with it.
LOCK TABLE ledger_openings IN SHARE ROW EXCLUSIVE MODE;

-- As in 0024, with what an opening record names.
CREATE OR REPLACE FUNCTION ledger_things(
    ledger_ids text[], since timestamptz DEFAULT '-infinity', until timestamptz DEFAULT 'infinity'
) RETURNS TABLE (thing uuid, sub text, recorded_at timestamptz, ledger_id text, label_id int, shown boolean)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH records AS MATERIALIZED (
        SELECT a.ledger_id, a.label_id, a.kind, a.sub, e.tenant, e.recorded_at, (
            SELECT jsonb_object_agg(o.name, ledger_legible(convert_from(o.value, 'UTF8'))::jsonb) FILTER (WHERE o.name = ANY(
                '{answer,consulted,contexts,deleted,document,document_id,entities_shown,model,read,relabelled}'::text[]))
                || jsonb_build_object('outcome', a.outcome)
            FROM ledger_openings o
            WHERE o.ledger_id = a.ledger_id AND o.recorded_at BETWEEN ledger_things.since AND ledger_things.until
        ) AS said
        FROM ledger_acts a JOIN ledger_entries e ON e.ledger_id = a.ledger_id
         AND e.recorded_at BETWEEN ledger_things.since AND ledger_things.until
        WHERE a.ledger_id = ANY(ledger_ids) AND a.recorded_at BETWEEN ledger_things.since AND ledger_things.until
          AND a.outcome <> 'Consulting'
    ), found AS (
        SELECT r.ledger_id, p.thing, p.shown, f.value
        FROM (SELECT * FROM records WHERE said IS NOT NULL) r
        JOIN (VALUES
            ('ask', 'document', true,
             '$.contexts[*] ? (@.chunk_id == $.answer[*].citations[*].chunk_id).document_id'::jsonpath),
            ('ask', 'label', true, '$.contexts[*] ? (@.chunk_id == $.answer[*].citations[*].chunk_id).label'),
            ('ask', 'document', true, '$ ? (@.outcome == "Opened").contexts[*].document_id'),
            ('ask', 'label', true, '$ ? (@.outcome == "Opened").contexts[*].label'),
            ('ask', 'entity', true, '$.answer[*].citations[*].entities[*]'),
            ('ask', 'model', false, '$.model.model'),
            ('ask', 'model', false, '$.consulted[*].model.model'),
            ('search', 'document', true, '$ ? (@.outcome == "SearchResult").contexts[*].document_id'),
            ('search', 'label', true, '$ ? (@.outcome == "SearchResult").contexts[*].label'),
            ('search', 'model', false, '$.consulted[*].model.model'),
            ('read', 'document', true, '$ ? (@.outcome == "Document").document_id'),
            ('read', 'document', true, '$.read[*].document_id'),
            ('read', 'label', true, '$.read[*].label'),
            ('read', 'entity', true, '$.entities_shown[*]'),
            ('ingest', 'document', false, '$.document.document_id'),
            ('ingest', 'label', false, '$.document.label'),
            ('ingest', 'label', false, '$.document.parts[*].label'),
            ('delete', 'document', false, '$.deleted.id'),
            ('delete', 'label', false, '$.deleted.labels[*]'),
            ('delete', 'label', false, '$.deleted.parts[*].label'),
            ('relabel', 'document', false, '$.relabelled.id'),
            ('relabel', 'label', false, '$.relabelled.labels[*]'),
            ('relabel', 'label', false, '$.relabelled.parts[*].label'),
            ('relabel', 'label', false, '$.relabelled.after.label'),
            (NULL, 'document', false, '$.document_id')
        ) AS p (kind, thing, shown, path) ON p.kind = r.kind OR p.kind IS NULL
        CROSS JOIN LATERAL jsonb_path_query(r.said, p.path) AS f (value)
    ), things AS (
        SELECT f.ledger_id, f.thing, f.name, bool_or(f.shown) AS shown
        FROM (SELECT *, CASE jsonb_typeof(value) WHEN 'string' THEN value #>> '{}'
                             WHEN 'object' THEN value::text END AS name FROM found) AS f
        WHERE f.name <> '' GROUP BY 1, 2, 3
    )
    SELECT ledger_thing(r.tenant, t.thing, t.name), r.sub, r.recorded_at, r.ledger_id, r.label_id, t.shown
    FROM things t JOIN records r ON r.ledger_id = t.ledger_id;
END $$;

-- What an opening has told until its end comes, which one process writes within the hour. With the times written out, so that
-- months beyond them are not even locked: one may be going into an archive.
CREATE FUNCTION end_ledger_openings(begun text[], since timestamptz, until timestamptz) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    EXECUTE format(
        'DELETE FROM ledger_touched t USING ledger_acts a
         WHERE a.ledger_id = ANY($1) AND a.outcome = ''Opened'' AND a.recorded_at BETWEEN %1$L AND %2$L
           AND t.recorded_at BETWEEN %1$L AND %2$L AND t.recorded_at = a.recorded_at AND t.ledger_id = a.ledger_id',
        since - interval '1 hour', until + interval '1 hour') USING begun;
END $$;
REVOKE ALL ON FUNCTION end_ledger_openings FROM PUBLIC;

-- As in 0024; and an end takes out what its opening has told.
CREATE OR REPLACE FUNCTION note_ledger_openings() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    telling text[]; begun text[]; since timestamptz; until timestamptz;
BEGIN
    SELECT array_agg(DISTINCT ledger_id) FILTER (WHERE name <> 'opening'),
           array_agg(trim(BOTH '"' FROM convert_from(value, 'UTF8'))) FILTER (WHERE name = 'opening' AND value <> 'null'),
           min(recorded_at), max(recorded_at) INTO telling, begun, since, until
    FROM opened WHERE name = ANY (
        '{answer,consulted,contexts,deleted,document,document_id,entities_shown,model,opening,read,relabelled}');
    IF telling IS NOT NULL THEN
        INSERT INTO ledger_touched (thing, sub, recorded_at, ledger_id, label_id, shown)
        SELECT * FROM ledger_things(telling, since, until);
    END IF;
    IF begun IS NOT NULL THEN
        PERFORM end_ledger_openings(begun, since, until);
    END IF;
    RETURN NULL;
END $$;

-- As in 0017, but that of an opening which has its end nothing comes back.
CREATE OR REPLACE FUNCTION forget_ledger_openings() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    touched text[] := ARRAY(SELECT DISTINCT ledger_id FROM erased WHERE name = ANY(
        '{answer,contexts,model,consulted,document_id,read,entities_shown,document,deleted,relabelled}'));
BEGIN
    WITH taken AS (
        DELETE FROM ledger_touched t USING ledger_entries e
        WHERE e.ledger_id = ANY(touched) AND t.recorded_at = e.recorded_at AND t.ledger_id = e.ledger_id
        RETURNING t.ledger_id
    )
    INSERT INTO ledger_touched (thing, sub, recorded_at, ledger_id, label_id, shown)
    SELECT * FROM ledger_things(ARRAY(SELECT DISTINCT ledger_id FROM taken));
    RETURN NULL;
END $$;

-- What was recorded until now. Until here a model was noted twice of a question whose contexts were erased while it was asked.
DELETE FROM ledger_touched t USING (
    SELECT tableoid, ctid, row_number() OVER (PARTITION BY thing, sub, recorded_at, ledger_id, label_id, shown) AS nth
    FROM ledger_touched) AS twice
WHERE twice.nth > 1 AND t.tableoid = twice.tableoid AND t.ctid = twice.ctid;
INSERT INTO ledger_touched (thing, sub, recorded_at, ledger_id, label_id, shown)
SELECT * FROM ledger_things(ARRAY(
    SELECT a.ledger_id FROM ledger_acts a WHERE a.outcome = 'Opened' AND NOT EXISTS (
        SELECT FROM ledger_openings o
        WHERE o.name = 'opening' AND o.value = convert_to('"' || a.ledger_id || '"', 'UTF8'))));
