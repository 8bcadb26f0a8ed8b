-- Whoever may take in and delete can have any words erased. Those by which an act is known are not theirs to word from here on: leaves of
-- version 2 commit to the reason by itself, and to an act that is never erased.

-- As in 0025; and a leaf of the first version is none here. In a log, one that comes after those of the second is not believed.
CREATE OR REPLACE FUNCTION append_ledger_entries(given json) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    WITH records AS MATERIALIZED (
        SELECT g.ledger_id, g.tenant, g.at, g.kind, g.sub, g.purpose, g.outcome, g.policy_revision, g.openings, g.place,
               convert_to(CASE WHEN g.leaf LIKE '%,"version":2}' THEN g.leaf END, 'UTF8') AS leaf, (SELECT l.label_id FROM labels l WHERE l.label_id = g.label_id) AS label_id
        FROM ROWS FROM (json_to_recordset(given) AS (
            ledger_id text, tenant text, label_id int, at timestamptz, leaf text, kind text, sub text, purpose text,
            outcome text, policy_revision text, openings json)) WITH ORDINALITY AS g (
            ledger_id, tenant, label_id, at, leaf, kind, sub, purpose, outcome, policy_revision, openings, place)
    ), entries AS (
        INSERT INTO ledger_entries (ledger_id, tenant, label_id, recorded_at, leaf)
        SELECT ledger_id, tenant, label_id, at, leaf FROM records
    ), unsealed AS (
        INSERT INTO ledger_unsealed (ledger_id, label_id, hash)
        SELECT ledger_id, label_id, sha256('\x00'::bytea || leaf) FROM records ORDER BY place
    ), openings AS (
        INSERT INTO ledger_openings (ledger_id, label_id, recorded_at, name, salt, value)
        SELECT r.ledger_id, r.label_id, r.at, o.name, decode(o.salt, 'hex'), convert_to(o.value, 'UTF8')
        FROM records r CROSS JOIN json_to_recordset(r.openings) AS o (name text, salt text, value text)
    ), timeline AS (
        INSERT INTO ledger_timeline (tenant, sub, kind, outcome, recorded_at, ledger_id, label_id)
        SELECT tenant, sub, kind, outcome, at, ledger_id, label_id FROM records
    )
    INSERT INTO ledger_acts (ledger_id, label_id, recorded_at, kind, sub, purpose, outcome, policy_revision)
    SELECT ledger_id, label_id, at, kind, sub, purpose, outcome, policy_revision FROM records;
END $$;

-- As in 0034, but of acts only those of the first version, which hold the reason; and not what vouches for an erasure.
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
          AND o.name <> ALL ('{index,scope,stored_answer,prompt,routing,model,failed_calls,decision_ids,scan,opening,contexts,erasure,erased,signed,late}')
          AND (o.name <> 'act' OR e.leaf LIKE '%,"version":1}'::bytea AND position('"reason":""'::bytea IN o.value) = 0)
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
