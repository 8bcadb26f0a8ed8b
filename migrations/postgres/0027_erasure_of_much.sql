-- Erasing from a ledger of many records: what goes through all of it is done before others have to wait.

-- The chunks that an opening cites: canonical JSON has no spaces, and none of these quotes within a text.
CREATE OR REPLACE FUNCTION cited_chunks(value text) RETURNS SETOF text LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 5 AS $$
    SELECT split_part(after, '"', 1) FROM unnest((string_to_array(value, '"chunk_id":"'))[2:]) after
$$;

-- As in 0020, in records of a time, and as if the chunks that go were gone.
DROP FUNCTION runs_in_ledger;
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
        SELECT o.ledger_id, cited FROM ledger_openings o, cited_chunks(convert_from(o.value, 'UTF8')) cited
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

-- As in 0020.
CREATE OR REPLACE FUNCTION erase_traces(of_erasure text, since timestamptz)
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
        SELECT concat_ws(' ', d.title, d.source, d.metadata::text), d.label_id FROM documents d
        WHERE d.label_id = ANY (scope_label_ids())
          AND d.document_key IN (SELECT p.document_key FROM parts p WHERE p.part_id = ANY (parts_going))
    ) t;
    SELECT array_agg(c.chunk_id) INTO chunks_going FROM chunks c WHERE c.part_id = ANY (parts_going);
    SELECT coalesce(array_agg(h.ledger_id), '{}'), coalesce(array_agg(h.name), '{}') INTO hit_ids, hit_names
    FROM runs_in_ledger(texts, text_labels, coalesce(chunks_going, '{}'), since, 'infinity') h;
    -- What repeats the text without citing it has it of another document that is there, or of an earlier version.
    made_of_it := ARRAY (
        SELECT o.ledger_id FROM ledger_openings o
        JOIN ledger_entries e ON e.ledger_id = o.ledger_id AND e.recorded_at >= since
        WHERE o.name IN ('contexts', 'answer', 'recheck_dropped') AND EXISTS (
            SELECT FROM cited_chunks(convert_from(o.value, 'UTF8')) cited WHERE cited = ANY (chunks_going))
        UNION
        SELECT n.ledger_id FROM answers n JOIN ledger_entries e USING (ledger_id)
        WHERE e.recorded_at >= since AND n.body->'rests_on' ?| chunks_going
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

REVOKE ALL ON FUNCTION runs_in_ledger, search_erased FROM PUBLIC;
GRANT EXECUTE ON FUNCTION search_erased TO copilot_writer;
