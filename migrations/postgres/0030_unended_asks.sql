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

-- As in 0029. Of what was recorded from `since` on and before `until`. The first pass leaves out what may still be going on: the end of a
-- question would wait for it, and it, later, for the end.
DROP FUNCTION erase_traces;
CREATE FUNCTION erase_traces(of_erasure text, since timestamptz, until timestamptz DEFAULT 'infinity')
RETURNS TABLE (ledger_id text, label_id int, names text[], answers int) LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
DECLARE
    parts_going text[]; texts text[]; text_labels int[]; chunks_going text[];
    hit_ids text[]; hit_names text[]; made_of_it text[]; asked_in_it text[];
BEGIN
    SELECT array_agg(p.part_id) INTO parts_going FROM erased_parts p JOIN erasures e USING (erasure_id)
    WHERE p.erasure_id = of_erasure AND e.ledger_id IS NULL;
    SELECT array_agg(t.text), array_agg(t.label_id) INTO texts, text_labels FROM (
        SELECT p.text, p.label_id FROM parts p WHERE p.part_id = ANY (parts_going)
        UNION ALL
        SELECT p.text, l.label_id FROM parts p JOIN erased_parts e ON e.erasure_id = of_erasure AND e.part_id = p.part_id,
               unnest(e.earlier_labels) AS l (label_id)
        WHERE p.part_id = ANY (parts_going)
        UNION ALL
        SELECT concat_ws(' ', d.title, d.source, d.metadata::text), d.label_id FROM documents d
        WHERE d.label_id = ANY (scope_label_ids())
          AND d.document_key IN (SELECT p.document_key FROM parts p WHERE p.part_id = ANY (parts_going))
    ) t;
    SELECT array_agg(c.chunk_id) INTO chunks_going FROM (
        SELECT c.chunk_id FROM chunks c WHERE c.part_id = ANY (parts_going)
        UNION ALL
        SELECT f.chunk_id FROM former_chunks_of(parts_going) f
    ) c;
    SELECT coalesce(array_agg(h.ledger_id), '{}'), coalesce(array_agg(h.name), '{}') INTO hit_ids, hit_names
    FROM runs_in_ledger(texts, text_labels, since) h
    JOIN ledger_entries e ON e.ledger_id = h.ledger_id AND e.recorded_at < erase_traces.until;
    -- What repeats the text without citing it has it of another document that is there, or of an earlier version.
    made_of_it := ARRAY (
        SELECT o.ledger_id FROM ledger_openings o
        JOIN ledger_entries e ON e.ledger_id = o.ledger_id AND e.recorded_at >= since AND e.recorded_at < erase_traces.until
        WHERE o.name IN ('contexts', 'answer', 'recheck_dropped') AND EXISTS (
            SELECT FROM cited_chunks(convert_from(o.value, 'UTF8')) cited WHERE cited = ANY (chunks_going))
        UNION
        SELECT n.ledger_id FROM answers n JOIN ledger_entries e USING (ledger_id)
        WHERE e.recorded_at >= since AND e.recorded_at < erase_traces.until AND n.body->'rests_on' ?| chunks_going
        UNION
        SELECT h.id FROM unnest(hit_ids, hit_names) AS h (id, name) WHERE h.name IN ('answer', 'dropped', 'stored'));
    asked_in_it := ARRAY (
        SELECT DISTINCT h.id FROM unnest(hit_ids, hit_names) AS h (id, name) WHERE h.name IN ('question', 'plan'));
    RETURN QUERY
    WITH gone AS (
        DELETE FROM ledger_openings o
        WHERE o.ledger_id = ANY (made_of_it || asked_in_it || hit_ids) AND (
              o.name IN ('contexts', 'answer', 'dropped', 'recheck_dropped', 'consulted')
              AND o.ledger_id = ANY (made_of_it)
           OR o.name IN ('question', 'plan', 'unnamed', 'consulted') AND o.ledger_id = ANY (asked_in_it)
           OR o.name NOT IN ('answer', 'dropped') AND o.ledger_id || ' ' || o.name = ANY (
              SELECT h.id || ' ' || h.name FROM unnest(hit_ids, hit_names) AS h (id, name)))
        RETURNING o.ledger_id, o.label_id, o.name
    ), gone_answers AS (
        DELETE FROM answers n WHERE n.ledger_id = ANY (made_of_it || asked_in_it) RETURNING n.ledger_id
    ), gone_acts AS (
        DELETE FROM ledger_acts a WHERE a.ledger_id = ANY (hit_ids) AND EXISTS (
            SELECT FROM unnest(hit_ids, hit_names) AS h (id, name) WHERE h.id = a.ledger_id AND h.name = 'act')
    ), named AS (
        SELECT g.ledger_id, array_agg(g.name ORDER BY g.name) AS names FROM gone g GROUP BY g.ledger_id
    )
    SELECT e.ledger_id, e.label_id, coalesce(n.names, '{}'), (s.ledger_id IS NOT NULL)::int
    FROM ledger_entries e LEFT JOIN named n ON n.ledger_id = e.ledger_id
    LEFT JOIN gone_answers s ON s.ledger_id = e.ledger_id
    WHERE e.ledger_id = ANY (made_of_it || asked_in_it || hit_ids)
      AND (n.ledger_id IS NOT NULL OR s.ledger_id IS NOT NULL)
    ORDER BY e.ledger_id;
END $$;

REVOKE ALL ON FUNCTION erase_traces FROM PUBLIC;
GRANT EXECUTE ON FUNCTION erase_traces TO copilot_writer;

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
