-- An erasure looks up what it touches instead of going through the ledger. Of each eight words in a row that a record holds
-- the least hash of four in a row is kept (winnowing): whatever repeats eight words of a text has a mark of that text. What
-- the marks lead to is then compared word by word, as before.

CREATE FUNCTION word_marks(given text) RETURNS SETOF bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 20 AS $$
    SELECT DISTINCT mark FROM (
        SELECT at, words, min(hashtextextended(four, 0)) OVER (ORDER BY at ROWS BETWEEN CURRENT ROW AND 4 FOLLOWING) AS mark
        FROM (
            SELECT at, count(*) OVER () AS words,
                   string_agg(word, ' ') OVER (ORDER BY at ROWS BETWEEN CURRENT ROW AND 3 FOLLOWING) AS four
            FROM unnest(text_words(given)) WITH ORDINALITY AS w (word, at)
        ) fours
    ) runs WHERE at <= words - 7
$$;
CREATE FUNCTION chunk_mark(chunk_id text) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT hashtextextended(chunk_id, 1)
$$;

-- The openings in which words are looked for: the others hold what the program writes, and nothing that anybody said.
CREATE FUNCTION holds_words(name text, value bytea) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT octet_length(value) > 17
       AND name <> ALL ('{index,scope,stored_answer,prompt,routing,model,scan,opening,contexts,erasure,erased,decided,archive}')
       AND (name <> 'act' OR position('"reason":""'::bytea IN value) = 0)
$$;

CREATE FUNCTION ledger_marks_of(ledger_ids text[], since timestamptz, until timestamptz)
RETURNS TABLE (ledger_id text, label_id int, recorded_at timestamptz, marks bigint[]) LANGUAGE sql STABLE
SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
    WITH found AS (
        SELECT o.ledger_id, m AS mark FROM ledger_openings o, word_marks(opened_text(o.value)) m
        WHERE o.ledger_id = ANY (ledger_ids) AND o.recorded_at BETWEEN since AND until AND holds_words(o.name, o.value)
        UNION
        SELECT o.ledger_id, chunk_mark(cited) FROM ledger_openings o, cited_chunks(convert_from(o.value, 'UTF8')) cited
        WHERE o.ledger_id = ANY (ledger_ids) AND o.recorded_at BETWEEN since AND until
          AND o.name IN ('contexts', 'answer', 'recheck_dropped')
        UNION
        SELECT n.ledger_id, m FROM answers n, word_marks(n.body::text) m WHERE n.ledger_id = ANY (ledger_ids)
        UNION
        SELECT n.ledger_id, chunk_mark(cited #>> '{}') FROM answers n, jsonb_path_query(n.body, '$.rests_on[*]') cited
        WHERE n.ledger_id = ANY (ledger_ids)
    )
    SELECT e.ledger_id, e.label_id, e.recorded_at, array_agg(f.mark) FROM found f
    JOIN ledger_entries e ON e.ledger_id = f.ledger_id AND e.recorded_at BETWEEN since AND until
    GROUP BY e.ledger_id, e.label_id, e.recorded_at
$$;

-- Marks the next sealed records, and gives how many they were; none while an erasure is on its way, whose texts it would
-- otherwise mark again.
CREATE FUNCTION mark_ledger(most int) RETURNS int LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    first bigint; after bigint; ids text[]; since timestamptz; until timestamptz;
BEGIN
    IF NOT pg_try_advisory_xact_lock(7210024) THEN
        RETURN 0;
    END IF;
    SELECT leaves INTO first FROM ledger_marked;
    SELECT max(v.leaf_index) + 1, array_agg(e.ledger_id), min(e.recorded_at), max(e.recorded_at)
    INTO after, ids, since, until
    FROM ledger_leaves v LEFT JOIN ledger_entries e ON e.ledger_id = v.ledger_id
    WHERE v.leaf_index >= first AND v.leaf_index < first + most;
    IF after IS NULL THEN
        RETURN 0;
    END IF;
    INSERT INTO ledger_marks SELECT * FROM ledger_marks_of(ids, since, until);
    UPDATE ledger_marked SET leaves = after;
    RETURN after - first;
END $$;

-- The records of these marks, and those that have none yet. The planner takes a list of marks to be half of the table.
CREATE FUNCTION marked_records(wanted bigint[], since timestamptz) RETURNS text[] LANGUAGE sql STABLE
SET search_path = pg_catalog, public, pg_temp SET plan_cache_mode = force_custom_plan SET enable_seqscan = off AS $$
    SELECT ARRAY (
        SELECT m.ledger_id FROM ledger_marks m WHERE m.marks && wanted AND m.recorded_at >= since
        UNION SELECT v.ledger_id FROM ledger_leaves v WHERE v.leaf_index >= (SELECT leaves FROM ledger_marked)
        UNION SELECT u.ledger_id FROM ledger_unsealed u)
$$;

-- What was erased is not to be found by its marks.
CREATE FUNCTION mark_ledger_anew() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    ids text[]; since timestamptz; until timestamptz;
BEGIN
    WITH gone AS (
        DELETE FROM ledger_marks m USING ledger_entries e
        WHERE e.ledger_id = ANY (ARRAY (SELECT DISTINCT ledger_id FROM erased))
          AND m.recorded_at = e.recorded_at AND m.ledger_id = e.ledger_id
        RETURNING m.ledger_id, m.recorded_at
    )
    SELECT array_agg(DISTINCT ledger_id), min(recorded_at), max(recorded_at) INTO ids, since, until FROM gone;
    INSERT INTO ledger_marks SELECT * FROM ledger_marks_of(ids, since, until);
    RETURN NULL;
END $$;
CREATE TRIGGER ledger_openings_are_unmarked AFTER DELETE ON ledger_openings REFERENCING OLD TABLE AS erased
FOR EACH STATEMENT EXECUTE FUNCTION mark_ledger_anew();
CREATE TRIGGER answers_are_unmarked AFTER DELETE ON answers REFERENCING OLD TABLE AS erased
FOR EACH STATEMENT EXECUTE FUNCTION mark_ledger_anew();

-- As in 0020, among the records that marks lead to.
DROP FUNCTION runs_in_ledger;
CREATE FUNCTION runs_in_ledger(texts text[], text_labels int[], since timestamptz, near text[])
RETURNS TABLE (ledger_id text, label_id int, name text) LANGUAGE sql STABLE
SET search_path = pg_catalog, public, pg_temp SET plan_cache_mode = force_custom_plan AS $$
    WITH covering AS MATERIALIZED (
        SELECT r.label_id AS record_label, t.label_id AS text_label FROM labels t, labels r
        WHERE t.label_id = ANY (text_labels) AND r.tenant = t.tenant AND label_covers(r.value, t.value)
    ), runs AS MATERIALIZED (
        SELECT DISTINCT t.label_id AS text_label, run FROM unnest(texts, text_labels) AS t (text, label_id),
               eight_word_runs(t.text) run
    ), cites AS MATERIALIZED (
        SELECT o.ledger_id, cited FROM ledger_openings o, cited_chunks(convert_from(o.value, 'UTF8')) cited
        WHERE o.ledger_id = ANY (near) AND o.name IN ('contexts', 'answer')
          AND o.label_id IN (SELECT record_label FROM covering)
    ), founded AS MATERIALIZED (
        SELECT s.ledger_id FROM cites s LEFT JOIN chunks c ON c.chunk_id = s.cited
        GROUP BY s.ledger_id HAVING bool_and(c.chunk_id IS NOT NULL)
    ), said AS (
        SELECT o.ledger_id, o.label_id, o.name, opened_text(o.value) AS text
        FROM ledger_openings o
        WHERE o.ledger_id = ANY (near) AND o.recorded_at >= since
          AND o.label_id IN (SELECT record_label FROM covering) AND holds_words(o.name, o.value)
          AND (o.name NOT IN ('answer', 'dropped') OR o.ledger_id NOT IN (SELECT ledger_id FROM founded))
        UNION ALL
        SELECT e.ledger_id, e.label_id, 'stored', n.body::text FROM answers n JOIN ledger_entries e USING (ledger_id)
        WHERE n.ledger_id = ANY (near) AND e.label_id IN (SELECT record_label FROM covering) AND e.recorded_at >= since
          AND n.ledger_id NOT IN (SELECT ledger_id FROM founded)
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

CREATE OR REPLACE FUNCTION erase_traces(of_erasure text, since timestamptz)
RETURNS TABLE (ledger_id text, label_id int, names text[], answers int) LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
DECLARE
    parts_going text[]; texts text[]; text_labels int[]; chunks_going text[]; near text[]; citing text[];
    hit_ids text[]; hit_names text[]; made_of_it text[]; asked_in_it text[];
BEGIN
    PERFORM pg_advisory_xact_lock_shared(7210024);
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
    near := marked_records(ARRAY (SELECT DISTINCT m FROM unnest(texts) t, word_marks(t) m), since);
    citing := marked_records(ARRAY (SELECT chunk_mark(c) FROM unnest(chunks_going) c), since);
    SELECT coalesce(array_agg(h.ledger_id), '{}'), coalesce(array_agg(h.name), '{}') INTO hit_ids, hit_names
    FROM runs_in_ledger(texts, text_labels, since, near) h;
    -- What repeats the text without citing it has it of another document that is there, or of an earlier version.
    made_of_it := ARRAY (
        SELECT o.ledger_id FROM ledger_openings o
        WHERE o.ledger_id = ANY (citing) AND o.recorded_at >= since
          AND o.name IN ('contexts', 'answer', 'recheck_dropped') AND EXISTS (
            SELECT FROM cited_chunks(convert_from(o.value, 'UTF8')) cited WHERE cited = ANY (chunks_going))
        UNION
        SELECT n.ledger_id FROM answers n JOIN ledger_entries e USING (ledger_id)
        WHERE n.ledger_id = ANY (citing) AND e.recorded_at >= since AND n.body->'rests_on' ?| chunks_going
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

CREATE OR REPLACE FUNCTION search_erased(of_erasure text, texts text[]) RETURNS TABLE (place text, hits bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    theirs text[]; their_labels int[]; near text[];
BEGIN
    SELECT array_agg(t), array_agg(p.label_id) INTO theirs, their_labels
    FROM unnest(texts) t JOIN erased_parts p ON p.erasure_id = of_erasure AND p.sha256 = sha256(convert_to(t, 'UTF8'))
    JOIN erasures e ON e.erasure_id = of_erasure AND e.ledger_id IS NULL;
    near := marked_records(ARRAY (SELECT DISTINCT m FROM unnest(theirs) t, word_marks(t) m), '-infinity');
    RETURN QUERY
    SELECT w.place, count(h.ledger_id) FROM unnest(ARRAY['ledger_openings', 'answers']) AS w (place)
    LEFT JOIN runs_in_ledger(theirs, their_labels, '-infinity', near) h ON (h.name = 'stored') = (w.place = 'answers')
    GROUP BY w.place ORDER BY w.place;
END $$;

REVOKE ALL ON FUNCTION runs_in_ledger, ledger_marks_of, mark_ledger, marked_records, mark_ledger_anew FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mark_ledger TO copilot_sealer;
