-- Erasing from a ledger of many records: what goes through all of it is done before others have to wait.

-- The chunks that an opening cites: canonical JSON has no spaces, and none of these quotes within a text.
CREATE OR REPLACE FUNCTION cited_chunks(value text) RETURNS SETOF text LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 5 AS $$
    SELECT split_part(after, '"', 1) FROM unnest((string_to_array(value, '"chunk_id":"'))[2:]) after
$$;

-- As in 0020, in records of a time, and as if the chunks that go were gone.
CREATE FUNCTION runs_in_ledger(
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
          AND o.name <> ALL ('{index,scope,stored_answer,prompt,routing,model,scan,opening,contexts,erasure,erased}')
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

CREATE OR REPLACE FUNCTION runs_in_ledger(texts text[], text_labels int[], since timestamptz)
RETURNS TABLE (ledger_id text, label_id int, name text) LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT * FROM runs_in_ledger(texts, text_labels, '{}', since, 'infinity')
$$;

-- As in 0020, in what is left of a time.
DROP FUNCTION search_erased;
CREATE FUNCTION search_erased(of_erasure text, texts text[], since timestamptz, until timestamptz)
RETURNS TABLE (place text, hits bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    theirs text[]; their_labels int[]; going text[];
BEGIN
    going := ARRAY (SELECT c.chunk_id FROM chunks c JOIN erased_parts p USING (part_id) WHERE p.erasure_id = of_erasure);
    SELECT array_agg(t), array_agg(p.label_id) INTO theirs, their_labels
    FROM unnest(texts) t JOIN erased_parts p ON p.erasure_id = of_erasure AND p.sha256 = sha256(convert_to(t, 'UTF8'))
    JOIN erasures e ON e.erasure_id = of_erasure AND e.ledger_id IS NULL;
    RETURN QUERY
    SELECT w.place, count(h.ledger_id) FROM unnest(ARRAY['ledger_openings', 'answers']) AS w (place)
    LEFT JOIN runs_in_ledger(theirs, their_labels, going, since, until) h ON (h.name = 'stored') = (w.place = 'answers')
    GROUP BY w.place ORDER BY w.place;
END $$;

REVOKE ALL ON FUNCTION runs_in_ledger(text[], int[], text[], timestamptz, timestamptz), search_erased FROM PUBLIC;
GRANT EXECUTE ON FUNCTION search_erased TO copilot_writer;
