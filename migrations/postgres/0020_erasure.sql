-- Defensible deletion and legal hold. A deletion takes out of the ledger's openings, and out of stored answers, what was
-- made of the text or repeats eight words of it; the leaves with their commitments are not touched. What went is named
-- in an erasure record of the same transaction, without which that transaction does not commit.

-- A part on which a row hangs cannot go: it is neither deleted nor overwritten nor relabelled. The reason is in the
-- ledger. One row a part, under its label, so that whoever does not see the part sees nothing of the hold either.
CREATE TABLE legal_holds (
    part_id  text PRIMARY KEY REFERENCES parts ON DELETE RESTRICT,
    label_id int NOT NULL REFERENCES labels,
    held_by  text NOT NULL,
    held_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE erasures (
    erasure_id  text PRIMARY KEY,
    tenant      text NOT NULL,
    label_id    int NOT NULL REFERENCES labels,
    document_id text NOT NULL,
    erased_by   text NOT NULL,
    erased_at   timestamptz NOT NULL DEFAULT now(),
    ledger_id   text,  -- of its record
    body        jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX erasures_by_document ON erasures (tenant, document_id, erased_at);
CREATE TABLE erased_parts (
    erasure_id text NOT NULL REFERENCES erasures,
    part_id    text NOT NULL,
    label_id   int NOT NULL REFERENCES labels,
    sha256     bytea NOT NULL,
    PRIMARY KEY (erasure_id, part_id)
);
-- The openings that went, under the label of the record that names them.
CREATE TABLE erased_openings (
    erasure_id text NOT NULL REFERENCES erasures,
    ledger_id  text NOT NULL,
    label_id   int NOT NULL REFERENCES labels,
    names      text[] NOT NULL,
    -- What stands in the leaf for each of the names.
    commitments jsonb NOT NULL,
    answers    int NOT NULL,
    recorded   text NOT NULL,  -- the ledger id of the erasure record that names them
    PRIMARY KEY (erasure_id, ledger_id)
);
-- Parts of other documents in which eight words of it stand as well, each under its own label.
CREATE TABLE erasure_others (
    erasure_id text NOT NULL REFERENCES erasures,
    part_id    text NOT NULL,
    label_id   int NOT NULL REFERENCES labels,
    PRIMARY KEY (erasure_id, part_id)
);
-- Whoever was asking while the document went writes their record after it. What such a record says of these chunks is
-- not kept. Rows are of use for as long as a question may take, and go with a later deletion.
CREATE TABLE erased_chunks (
    chunk_id  text PRIMARY KEY,
    label_id  int NOT NULL REFERENCES labels,
    erased_at timestamptz NOT NULL DEFAULT now()
);

DO $$
DECLARE
    labelled text;
BEGIN
    FOREACH labelled IN ARRAY ARRAY['legal_holds', 'erasures', 'erased_parts', 'erased_openings', 'erasure_others',
        'erased_chunks']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', labelled);
        EXECUTE format(
            'CREATE POLICY in_scope ON %I TO copilot_reader, copilot_writer, copilot_auditor
             USING (label_id = ANY ((SELECT scope_label_ids())::int[]))', labelled);
    END LOOP;
END $$;
GRANT SELECT, INSERT, DELETE ON legal_holds TO copilot_writer;
GRANT SELECT ON erasures, erased_parts, erased_openings, erasure_others TO copilot_reader, copilot_auditor;
GRANT INSERT ON erasure_others TO copilot_writer;

CREATE TRIGGER erasures_stay BEFORE DELETE OR TRUNCATE ON erasures
FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();
CREATE TRIGGER erased_parts_are_final BEFORE UPDATE OR DELETE OR TRUNCATE ON erased_parts
FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();
CREATE TRIGGER erased_openings_are_final BEFORE UPDATE OR DELETE OR TRUNCATE ON erased_openings
FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();

-- Whoever serves has one plan for a statement, whatever its values; the functions below that go through the whole ledger
-- are planned for the values that they have.

-- The words of a text, in lower case. Separators are listed, since what \w is depends on the database's locale.
CREATE FUNCTION text_words(given text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT array_remove(regexp_split_to_array(lower(given),
        '[\u0001-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u007f\u00a0\u00ab\u00bb\u2010-\u2015\u2018-\u201f\u2026\u202f\u3000-\u3002]+'),
        '')
$$;
-- Every run of eight words of a text, each once or more often.
CREATE FUNCTION eight_word_runs(given text) RETURNS SETOF text LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 20 AS $$
    SELECT run FROM (
        SELECT at, string_agg(word, ' ') OVER (ORDER BY at ROWS BETWEEN CURRENT ROW AND 7 FOLLOWING) AS run,
               count(*) OVER () AS words
        FROM unnest(text_words(given)) WITH ORDINALITY AS w (word, at)
    ) runs WHERE at <= words - 7
$$;
-- What JSON writes as an escape parts words.
CREATE FUNCTION opened_text(value bytea) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN position('\x5c'::bytea IN value) = 0 THEN convert_from(value, 'UTF8')
        ELSE regexp_replace(convert_from(value, 'UTF8'), '\\([nrtbf]|u00[01][0-9a-f])', ' ', 'g') END
$$;
-- Whether whoever may read the first may read the second. Handling says how to sign in, and not what one is cleared for.
CREATE FUNCTION label_covers(higher jsonb, lower jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT higher->>'tenant' = lower->>'tenant'
        AND array_position(ARRAY['U', 'C', 'S', 'TS'], higher->>'classification')
            >= array_position(ARRAY['U', 'C', 'S', 'TS'], lower->>'classification')
        AND higher->'compartments' @> (lower->'compartments')
        AND higher->'authorities' @> (lower->'authorities')
        AND (NOT lower ? 'releasable_to'
             OR higher ? 'releasable_to' AND lower->'releasable_to' @> (higher->'releasable_to'))
$$;

-- The chunks that an opening cites.
CREATE FUNCTION cited_chunks(value text) RETURNS SETOF text LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 5 AS $$
    SELECT m[1] FROM regexp_matches(value, '"chunk_id": ?"([^"\\]+)"', 'g') m
$$;

-- Where in the openings and stored answers eight words of these texts stand, in records that only those may read who
-- may read the text. What others wrote cannot be of it: that it went would tell them that it was there. Of what was
-- answered only what cites something that is not there any more: the rest has its words of other documents.
CREATE FUNCTION runs_in_ledger(texts text[], text_labels int[], since timestamptz)
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
        WHERE o.name IN ('contexts', 'answer') AND o.label_id IN (SELECT record_label FROM covering)
    ), founded AS MATERIALIZED (
        SELECT s.ledger_id FROM cites s LEFT JOIN chunks c ON c.chunk_id = s.cited
        GROUP BY s.ledger_id HAVING bool_and(c.chunk_id IS NOT NULL)
    ), said AS (
        SELECT o.ledger_id, o.label_id, o.name, opened_text(o.value) AS text
        FROM ledger_openings o JOIN ledger_entries e ON e.ledger_id = o.ledger_id AND e.recorded_at >= since
        WHERE o.label_id IN (SELECT record_label FROM covering) AND octet_length(o.value) > 17
          AND o.name <> ALL ('{index,scope,stored_answer,prompt,routing,model,scan,opening,contexts,erasure,erased}')
          AND (o.name <> 'act' OR position('"reason":""'::bytea IN o.value) = 0)
          AND (o.name NOT IN ('answer', 'dropped') OR o.ledger_id NOT IN (SELECT ledger_id FROM founded))
        UNION ALL
        SELECT e.ledger_id, e.label_id, 'stored', n.body::text FROM answers n JOIN ledger_entries e USING (ledger_id)
        WHERE e.label_id IN (SELECT record_label FROM covering) AND e.recorded_at >= since
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

-- Takes out of the ledger's openings and stored answers all that is of the parts of an erasure, which are still there and
-- will be gone by the end of the transaction. Looks at what was recorded from `since` on, and gives what went.
CREATE FUNCTION erase_traces(of_erasure text, since timestamptz)
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
    FROM runs_in_ledger(texts, text_labels, since) h;
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

-- Begins an erasure: counts what goes of each table, and remembers the parts by their hashes.
CREATE FUNCTION begin_erasure(
    new_id text, of_tenant text, of_label int, of_document text, by_sub text, parts_going text[]
) RETURNS jsonb LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    counts jsonb;
BEGIN
    INSERT INTO erasures (erasure_id, tenant, label_id, document_id, erased_by)
    VALUES (new_id, of_tenant, of_label, of_document, by_sub);
    INSERT INTO erased_parts (erasure_id, part_id, label_id, sha256)
    SELECT new_id, part_id, label_id, sha256(convert_to(text, 'UTF8')) FROM parts
    WHERE part_id = ANY (parts_going) AND label_id = ANY (scope_label_ids());
    WITH going AS MATERIALIZED (
        SELECT c.chunk_id FROM chunks c
        WHERE c.part_id = ANY (parts_going) AND c.label_id = ANY (scope_label_ids())
    )
    SELECT jsonb_build_object(
        'parts', (SELECT count(*) FROM erased_parts WHERE erasure_id = new_id),
        'chunks', (SELECT count(*) FROM going),
        'sentences', (SELECT count(*) FROM sentences JOIN going USING (chunk_id)),
        'chunk_terms', (SELECT count(*) FROM chunk_terms JOIN going USING (chunk_id)),
        'mentions', (SELECT count(*) FROM mentions JOIN going USING (chunk_id)),
        'definitions', (SELECT count(*) FROM definitions JOIN going USING (chunk_id)),
        'relations', (SELECT count(*) FROM relations JOIN going USING (chunk_id))
    ) INTO counts;
    RETURN counts;
END $$;

-- Closes the ledger to what is still being written of the parts. Whoever records a question just now has done so before,
-- or finds the chunks here.
CREATE FUNCTION close_ledger_to_erased(of_erasure text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(7210020);
    DELETE FROM erased_chunks WHERE erased_at < now() - interval '1 day';
    INSERT INTO erased_chunks (chunk_id, label_id)
    SELECT c.chunk_id, c.label_id FROM chunks c JOIN erased_parts p ON p.part_id = c.part_id
    WHERE p.erasure_id = of_erasure
    ON CONFLICT (chunk_id) DO UPDATE SET erased_at = now();
END $$;

-- What went, under the record that names it.
CREATE FUNCTION note_erased(
    of_erasure text, of_label int, of_record text, ids text[], given_names jsonb, given_answers int[]
) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    INSERT INTO erased_openings (erasure_id, ledger_id, label_id, names, commitments, answers, recorded)
    SELECT e.erasure_id, g.ledger_id, of_label, n.names,
           (SELECT coalesce(jsonb_object_agg(one, convert_from(l.leaf, 'UTF8')::jsonb->'commitments'->one), '{}')
            FROM unnest(n.names) one),
           g.answers, of_record
    FROM unnest(ids, given_answers) AS g (ledger_id, answers)
    JOIN ledger_entries l ON l.ledger_id = g.ledger_id,
         LATERAL (SELECT ARRAY (SELECT jsonb_array_elements_text(given_names -> g.ledger_id)) AS names) n, erasures e
    WHERE e.erasure_id = of_erasure AND e.ledger_id IS NULL
$$;

-- Searches again, in what is left. Only for texts that this erasure takes, told by their hashes: else whoever may call
-- this could ask the ledger for any words.
CREATE FUNCTION search_erased(of_erasure text, texts text[]) RETURNS TABLE (place text, hits bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    theirs text[]; their_labels int[];
BEGIN
    SELECT array_agg(t), array_agg(p.label_id) INTO theirs, their_labels
    FROM unnest(texts) t JOIN erased_parts p ON p.erasure_id = of_erasure AND p.sha256 = sha256(convert_to(t, 'UTF8'))
    JOIN erasures e ON e.erasure_id = of_erasure AND e.ledger_id IS NULL;
    RETURN QUERY
    SELECT w.place, count(h.ledger_id) FROM unnest(ARRAY['ledger_openings', 'answers']) AS w (place)
    LEFT JOIN runs_in_ledger(theirs, their_labels, '-infinity') h ON (h.name = 'stored') = (w.place = 'answers')
    GROUP BY w.place ORDER BY w.place;
END $$;

CREATE FUNCTION finish_erasure(of_erasure text, of_record text, given jsonb) RETURNS void LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
    UPDATE erasures SET ledger_id = of_record, body = given WHERE erasure_id = of_erasure AND ledger_id IS NULL
$$;

-- At the end of the transaction the parts are gone, and the erasure is recorded; else nothing was erased.
CREATE FUNCTION require_erasure_recorded() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM parts JOIN erased_parts USING (part_id) WHERE erasure_id = NEW.erasure_id) THEN
        RAISE EXCEPTION 'what is erased must be removed';
    END IF;
    IF NOT EXISTS (SELECT FROM erasures e JOIN ledger_acts a USING (ledger_id)
                   WHERE e.erasure_id = NEW.erasure_id AND a.kind = 'erasure' AND a.xmin = pg_current_xact_id()::xid) THEN
        RAISE EXCEPTION 'an erasure must be recorded';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER erasures_are_recorded AFTER INSERT ON erasures DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION require_erasure_recorded();

-- Openings about chunks that went while the question was on its way are not kept; their commitments are. The lock is
-- shared by all who record questions, and taken alone by who erases.
CREATE FUNCTION strip_late_openings() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(7210020);
    IF EXISTS (SELECT FROM erased_chunks) THEN
        DELETE FROM ledger_openings o
        WHERE o.ledger_id = NEW.ledger_id
          AND o.name IN ('contexts', 'answer', 'dropped', 'recheck_dropped', 'consulted')
          AND EXISTS (
            SELECT FROM ledger_openings c, cited_chunks(convert_from(c.value, 'UTF8')) cited
            JOIN erased_chunks g ON g.chunk_id = cited
            WHERE c.ledger_id = NEW.ledger_id AND c.name IN ('contexts', 'answer', 'recheck_dropped')
              AND NOT EXISTS (SELECT FROM chunks k WHERE k.chunk_id = cited));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER late_openings_are_stripped AFTER INSERT ON ledger_acts FOR EACH ROW
WHEN (NEW.kind IN ('ask', 'search')) EXECUTE FUNCTION strip_late_openings();

CREATE FUNCTION refuse_late_answer() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(7210020);
    IF EXISTS (
        SELECT FROM erased_chunks g WHERE NEW.body->'rests_on' ? g.chunk_id
          AND NOT EXISTS (SELECT FROM chunks k WHERE k.chunk_id = g.chunk_id)
    ) THEN
        RETURN NULL;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER late_answers_are_not_kept BEFORE INSERT ON answers FOR EACH ROW EXECUTE FUNCTION refuse_late_answer();

REVOKE ALL ON FUNCTION runs_in_ledger, begin_erasure, close_ledger_to_erased, erase_traces, note_erased, search_erased, finish_erasure,
    require_erasure_recorded, strip_late_openings, refuse_late_answer FROM PUBLIC;
GRANT EXECUTE ON FUNCTION begin_erasure, close_ledger_to_erased, erase_traces, note_erased, search_erased, finish_erasure TO copilot_writer;

-- The planner's statistics keep samples of columns; these need none, and would keep the texts.
DO $$
DECLARE
    sampled text[];
BEGIN
    FOREACH sampled SLICE 1 IN ARRAY ARRAY[
        ['documents', 'title'], ['documents', 'source'], ['documents', 'metadata'], ['parts', 'text'],
        ['chunks', 'text'], ['ledger_openings', 'value'], ['ledger_entries', 'leaf'], ['answers', 'body'],
        ['relations', 'properties'], ['chunk_terms', 'terms']]
    LOOP
        EXECUTE format('ALTER TABLE %I ALTER COLUMN %I SET STATISTICS 0', sampled[1], sampled[2]);
        IF to_regprocedure('pg_clear_attribute_stats(text,text,text,boolean)') IS NOT NULL THEN
            PERFORM pg_clear_attribute_stats('public', sampled[1], sampled[2], false);
        END IF;
    END LOOP;
END $$;
