-- Whoever may take in and delete can have any words erased. Those by which an act is known are not theirs to word from here on: leaves of
-- version 2 commit to an act that is never erased, to what it showed, and to the reason by itself.

-- From here on no leaf of the first version: one that comes after those of the second is believed by nobody. Who writes just now is
-- waited for.
CREATE FUNCTION refuse_former_leaf() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'records of that version are not taken any more: end processes of earlier releases';
END $$;
CREATE TRIGGER leaves_are_of_now BEFORE INSERT ON ledger_entries FOR EACH ROW
WHEN (NEW.leaf NOT LIKE '%,"version":2}'::bytea) EXECUTE FUNCTION refuse_former_leaf();

-- As in 0034, but in what is worded by people, or taken from texts. Who did what, saw what and decided by what is told by ids and names,
-- which may have eight words as well: else a document that says these would take it out. Of records of before that is all of one opening.
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
        SELECT o.ledger_id, o.label_id, o.name, convert_from(o.value, 'UTF8') AS json, opened_text(o.value) AS text
        FROM ledger_openings o
        JOIN ledger_entries e ON e.ledger_id = o.ledger_id AND e.recorded_at >= since AND e.recorded_at < until
        WHERE o.label_id IN (SELECT record_label FROM covering) AND octet_length(o.value) > 17
          AND (o.name = ANY ('{question,plan,unnamed,answer,dropped,consulted,reason,grant_reason,because,comment,message,source,entity,entities}'::text[]
                || '{from_entity,from_name,to_entity,to_name,ledger,who_saw,what_did,answer_id,provenance,after,ledger_entry,ledger_proof,replay}'
                || '{grant_id,access_grants}')
            OR e.leaf LIKE '%,"version":1}'::bytea AND (o.name IN ('grant', 'document')
              OR o.name = 'act' AND position('"reason":""'::bytea IN o.value) = 0))
          AND (o.name NOT IN ('answer', 'dropped') OR o.ledger_id NOT IN (SELECT ledger_id FROM founded))
        UNION ALL
        SELECT e.ledger_id, e.label_id, 'stored', n.body::text, n.body::text FROM answers n JOIN ledger_entries e USING (ledger_id)
        WHERE e.label_id IN (SELECT record_label FROM covering) AND e.recorded_at >= since
          AND e.recorded_at < until AND n.ledger_id NOT IN (SELECT ledger_id FROM founded)
    ), repeating AS MATERIALIZED (
        -- Within an aggregate the runs are looked up by hash, whatever the planner thinks of how many there are.
        SELECT * FROM said s
        WHERE (SELECT bool_or(r IN (SELECT run FROM runs)) FROM eight_word_runs(s.text) r)
    )
    SELECT DISTINCT s.ledger_id, s.label_id, s.name
    FROM repeating s, texts_in(s.json) AS said_text, eight_word_runs(said_text) AS said_run
    JOIN runs ON runs.run = said_run JOIN covering c ON c.text_label = runs.text_label
    WHERE c.record_label = s.label_id
$$;

-- As in 0033; and what was shown is told also where the answer was erased that cited it.
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
                '{answer,consulted,contexts,deleted,document,document_id,entities_shown,failed_calls,model,read,relabelled,routing,shown}'::text[]))
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
            ('ask', 'document', true, '$.shown[*].document_id'::jsonpath),
            ('ask', 'label', true, '$.shown[*].label'),
            ('search', 'document', true, '$.shown[*].document_id'),
            ('search', 'label', true, '$.shown[*].label'),
            ('ask', 'document', true,
             '$.contexts[*] ? (@.chunk_id == $.answer[*].citations[*].chunk_id).document_id'),
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

-- As in 0030.
CREATE OR REPLACE FUNCTION note_ledger_openings() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    telling text[]; begun text[]; since timestamptz; until timestamptz;
BEGIN
    SELECT array_agg(DISTINCT ledger_id) FILTER (WHERE name <> 'opening'),
           array_agg(trim(BOTH '"' FROM convert_from(value, 'UTF8'))) FILTER (WHERE name = 'opening' AND value <> 'null'),
           min(recorded_at), max(recorded_at) INTO telling, begun, since, until
    FROM opened WHERE name = ANY (
        '{answer,consulted,contexts,deleted,document,document_id,entities_shown,model,opening,read,relabelled,shown}');
    IF telling IS NOT NULL THEN
        INSERT INTO ledger_touched (thing, sub, recorded_at, ledger_id, label_id, shown)
        SELECT * FROM ledger_things(telling, since, until);
    END IF;
    IF begun IS NOT NULL THEN
        PERFORM end_ledger_openings(begun, since, until);
    END IF;
    RETURN NULL;
END $$;


-- As in 0023, by the reason where it is; and an act of which it was erased is of no case but its own.
CREATE OR REPLACE FUNCTION provenance_of(ledger_ids text[]) RETURNS TABLE (
    ledger_id text, label_id int, tenant text, leaf_hash text, recorded_at timestamptz, outcome text,
    policy_revision text, investigation_id text, case_id text, models jsonb, answer_id text, chunk_ids text[]
) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT e.ledger_id, e.label_id, e.tenant, encode(l.hash, 'hex'), e.recorded_at, a.outcome, a.policy_revision,
           encode(sha256(convert_to(i.case_id || ' ' || e.label_id, 'UTF8')), 'hex'), i.case_id, m.models, n.answer_id,
           ARRAY (
               SELECT DISTINCT cited #>> '{}' FROM ledger_openings o, jsonb_path_query(
                   ledger_legible(convert_from(o.value, 'UTF8'))::jsonb, '$[*].citations[*].chunk_id') cited
               WHERE o.ledger_id = e.ledger_id AND o.name = 'answer' AND n.answer_id IS NOT NULL ORDER BY 1)
    FROM (SELECT DISTINCT w.id FROM unnest(ledger_ids) AS w (id)) wanted
    JOIN ledger_leaves l ON l.ledger_id = wanted.id
    JOIN ledger_entries e ON e.ledger_id = wanted.id
    JOIN ledger_acts a ON a.ledger_id = wanted.id AND a.kind = 'ask' AND a.outcome <> ALL ('{Opened,Consulting}')
    LEFT JOIN ledger_openings said ON said.ledger_id = wanted.id
     AND said.name = CASE WHEN e.leaf LIKE '%,"version":1}'::bytea THEN 'act' ELSE 'reason' END
    LEFT JOIN answers n ON n.ledger_id = wanted.id
    CROSS JOIN provenance_projection p
    CROSS JOIN LATERAL (
        SELECT CASE WHEN said.name = 'act' THEN stated ->> 'reason' ELSE stated #>> '{}' END AS reason
        FROM (SELECT ledger_legible(convert_from(said.value, 'UTF8'))::jsonb AS stated) s
    ) r
    CROSS JOIN LATERAL (
        SELECT encode(sha256(convert_to(p.salt || CASE
            WHEN r.reason IS NULL AND e.leaf LIKE '%"reason":"%'::bytea THEN jsonb_build_array(e.ledger_id)
            ELSE jsonb_build_array(e.tenant, a.purpose, coalesce(r.reason, '')) END::text, 'UTF8')), 'hex') AS case_id
    ) i
    CROSS JOIN LATERAL (
        SELECT coalesce(jsonb_agg(DISTINCT jsonb_build_object(
            'provider', left(used ->> 'provider', 200), 'name', left(used ->> 'model', 200))), '[]') AS models
        FROM ledger_openings o, jsonb_path_query(ledger_legible(convert_from(o.value, 'UTF8'))::jsonb,
            CASE o.name WHEN 'model' THEN '$'::jsonpath ELSE '$[*].model' END) used
        WHERE o.ledger_id = wanted.id AND o.name IN ('model', 'consulted') AND used ->> 'model' <> ''
    ) m
    ORDER BY e.ledger_id
$$;
