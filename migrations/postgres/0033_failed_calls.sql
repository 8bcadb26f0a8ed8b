-- A model was given the sources also where its call came to nothing: whoever asks by its name hears of that too. Records
-- that tell of such a call tell of the model as well, so that the triggers look at them already.

-- Nobody writes between what is looked at below and the function that goes on with it.
LOCK TABLE ledger_openings IN SHARE ROW EXCLUSIVE MODE;

-- As in 0030, with calls that came to nothing.
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
                '{answer,consulted,contexts,deleted,document,document_id,entities_shown,failed_calls,model,read,relabelled}'::text[]))
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
            ('ask', 'model', false, '$.failed_calls[*].model'),
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

-- What was recorded until now.
INSERT INTO ledger_touched (thing, sub, recorded_at, ledger_id, label_id, shown)
SELECT t.* FROM ledger_things(ARRAY(SELECT DISTINCT o.ledger_id FROM ledger_openings o WHERE o.name = 'failed_calls')) t
WHERE NOT EXISTS (
    SELECT FROM ledger_touched k
    WHERE k.thing = t.thing AND k.recorded_at = t.recorded_at AND k.ledger_id = t.ledger_id);
