-- A model was given the sources also where its call came to nothing, or nobody waited for its end: whoever asks by its
-- name hears of that too. Records that tell of either tell of the contexts as well, so that the triggers look at them already.

-- Nobody writes between what is looked at below and the functions that go on with it.
LOCK TABLE ledger_openings IN SHARE ROW EXCLUSIVE MODE;

-- As in 0030, with the model that was to be called, and those whose call came to nothing; also of who was only asked to judge.
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
                '{answer,consulted,contexts,deleted,document,document_id,entities_shown,failed_calls,model,read,relabelled,routing}'::text[]))
                || jsonb_build_object('outcome', a.outcome)
            FROM ledger_openings o
            WHERE o.ledger_id = a.ledger_id AND o.recorded_at BETWEEN ledger_things.since AND ledger_things.until
        ) AS said
        FROM ledger_acts a JOIN ledger_entries e ON e.ledger_id = a.ledger_id
         AND e.recorded_at BETWEEN ledger_things.since AND ledger_things.until
        WHERE a.ledger_id = ANY(ledger_ids) AND a.recorded_at BETWEEN ledger_things.since AND ledger_things.until
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
            ('ask', 'model', false, '$.routing.model'),
            ('ask', 'model', false, '$.failed_calls[*].model'),
            ('ask', 'model', false, '$.consulted[*].model.model'),
            ('search', 'document', true, '$ ? (@.outcome == "SearchResult").contexts[*].document_id'),
            ('search', 'label', true, '$ ? (@.outcome == "SearchResult").contexts[*].label'),
            ('search', 'model', false, '$.consulted[*].model.model'),
            ('search', 'model', false, '$.routing.model'),
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

-- As in 0027, but what is ours in a record is never taken for somebody's text: why a call failed, and ids of decisions.
CREATE OR REPLACE FUNCTION runs_in_ledger(
    texts text[], text_labels int[], going text[], since timestamptz, until timestamptz
) RETURNS TABLE (ledger_id text, label_id int, name text) LANGUAGE sql STABLE
SET search_path = pg_catalog, public, pg_temp SET plan_cache_mode = force_custom_plan AS $$
    WITH covering AS MATERIALIZED (
        SELECT r.label_id AS record_label, t.label_id AS text_label FROM labels t, labels r
        WHERE t.label_id = ANY (text_labels) AND r.tenant = t.tenant AND label_covers(r.value, t.value)
    ), runs AS MATERIALIZED (
        SELECT DISTINCT t.label_id AS text_label, run FROM unnest(texts, text_labels) AS t (text, label_id),
               eight_word_runs(t.text) run
    ), cites AS MATERIALIZED (
        SELECT o.ledger_id, cited FROM ledger_openings o
        JOIN ledger_entries e ON e.ledger_id = o.ledger_id AND e.recorded_at >= since AND e.recorded_at < until,
             cited_chunks(convert_from(o.value, 'UTF8')) cited
        WHERE o.name IN ('contexts', 'answer') AND o.label_id IN (SELECT record_label FROM covering)
    ), founded AS MATERIALIZED (
        SELECT s.ledger_id FROM cites s LEFT JOIN chunks c ON c.chunk_id = s.cited
        GROUP BY s.ledger_id HAVING bool_and(c.chunk_id IS NOT NULL AND s.cited <> ALL (going))
    ), said AS (
        SELECT o.ledger_id, o.label_id, o.name, opened_text(o.value) AS text
        FROM ledger_openings o
        JOIN ledger_entries e ON e.ledger_id = o.ledger_id AND e.recorded_at >= since AND e.recorded_at < until
        WHERE o.label_id IN (SELECT record_label FROM covering) AND octet_length(o.value) > 17
          AND o.name <> ALL ('{index,scope,stored_answer,prompt,routing,model,failed_calls,decision_ids,scan,opening,contexts,erasure,erased}')
          AND (o.name <> 'act' OR position('"reason":""'::bytea IN o.value) = 0)
          AND (o.name NOT IN ('answer', 'dropped') OR o.ledger_id NOT IN (SELECT ledger_id FROM founded))
        UNION ALL
        SELECT e.ledger_id, e.label_id, 'stored', n.body::text FROM answers n JOIN ledger_entries e USING (ledger_id)
        WHERE e.label_id IN (SELECT record_label FROM covering) AND e.recorded_at >= since
          AND e.recorded_at < until AND n.ledger_id NOT IN (SELECT ledger_id FROM founded)
    ), repeating AS MATERIALIZED (
        -- Within an aggregate the runs are looked up by hash, whatever the planner thinks of how many there are.
        SELECT * FROM said s
        WHERE (SELECT bool_or(r IN (SELECT run FROM runs)) FROM eight_word_runs(s.text) r)
    )
    SELECT DISTINCT s.ledger_id, s.label_id, s.name
    FROM repeating s, eight_word_runs(s.text) AS said_run
    JOIN runs ON runs.run = said_run JOIN covering c ON c.text_label = runs.text_label
    WHERE c.record_label = s.label_id
$$;

-- What was recorded until now; not of an opening that has its end.
INSERT INTO ledger_touched (thing, sub, recorded_at, ledger_id, label_id, shown)
SELECT DISTINCT ledger_thing(e.tenant, 'model', named.model), a.sub, e.recorded_at, e.ledger_id, a.label_id, false
FROM ledger_openings o
JOIN ledger_entries e ON e.ledger_id = o.ledger_id AND e.recorded_at = o.recorded_at
JOIN ledger_acts a ON a.ledger_id = o.ledger_id AND a.recorded_at = o.recorded_at AND a.kind IN ('ask', 'search')
LEFT JOIN (SELECT DISTINCT value FROM ledger_openings WHERE name = 'opening') ended
  ON a.outcome = 'Opened' AND ended.value = convert_to('"' || e.ledger_id || '"', 'UTF8')
CROSS JOIN LATERAL (
    SELECT found #>> '{}' AS model FROM jsonb_path_query(
        ledger_legible(convert_from(o.value, 'UTF8'))::jsonb, '$.model') found
    WHERE jsonb_typeof(found) = 'string' AND found #>> '{}' <> ''
) named
WHERE o.name = ANY ('{routing,failed_calls}') AND o.value <> 'null' AND ended.value IS NULL AND NOT EXISTS (
    SELECT FROM ledger_touched k
    WHERE k.thing = ledger_thing(e.tenant, 'model', named.model) AND k.recorded_at = e.recorded_at AND k.ledger_id = e.ledger_id
);
