-- What people and models wrote stands in records as texts; what joins these, names of fields and marks, is ours.

-- The texts that stand in JSON; a time with its fractions and its zone would be eight words.
CREATE FUNCTION texts_in(said text) RETURNS SETOF text LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 20 AS $$
    SELECT found #>> '{}' FROM jsonb_path_query(ledger_legible(said)::jsonb, 'strict $.** ? (@.type() == "string")') found
    WHERE found #>> '{}' !~ '^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$'
$$;

-- As in 0033, but each text by itself: else whoever takes in and deletes a document that says "impersonated by null kind read label
-- authorities classification" would take who read what out of everybody's records.
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
          AND o.name <> ALL ('{index,scope,stored_answer,prompt,routing,model,failed_calls,decision_ids,scan,opening,contexts,erasure,erased}')
          AND (o.name <> 'act' OR position('"reason":""'::bytea IN o.value) = 0)
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
