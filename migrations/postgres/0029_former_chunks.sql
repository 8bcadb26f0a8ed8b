-- What a document was before: a new version or another label gives its chunks other ids, while records go on citing the
-- ones they were written from. A deletion takes these too, and looks for a text under each label that it has borne.

-- The key is that of the document as it is now, which a label of its own may have changed.
CREATE TABLE former_chunks (
    document_key uuid NOT NULL,
    chunk_id     text NOT NULL,
    label_id     int NOT NULL REFERENCES labels,
    text_sha256  bytea NOT NULL,  -- of its part
    PRIMARY KEY (document_key, chunk_id)
);
ALTER TABLE former_chunks ENABLE ROW LEVEL SECURITY;
CREATE POLICY in_scope ON former_chunks TO copilot_writer
USING (label_id = ANY ((SELECT scope_label_ids())::int[]));
GRANT SELECT, INSERT, DELETE ON former_chunks TO copilot_writer;

-- Labels under which the very text stood before, as far as whoever deletes may read them.
ALTER TABLE erased_parts ADD earlier_labels int[] NOT NULL DEFAULT '{}';

-- Of the documents of these parts, as far as whoever deletes may read; what another document has now is not theirs.
CREATE FUNCTION former_chunks_of(parts_going text[]) RETURNS TABLE (chunk_id text, label_id int) LANGUAGE sql STABLE
SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT DISTINCT f.chunk_id, f.label_id FROM parts p JOIN former_chunks f ON f.document_key = p.document_key
    WHERE p.part_id = ANY (parts_going) AND f.label_id = ANY (scope_label_ids())
      AND NOT EXISTS (SELECT FROM chunks c WHERE c.chunk_id = f.chunk_id)
$$;
REVOKE ALL ON FUNCTION former_chunks_of FROM PUBLIC;

-- As in 0020, with what the parts were before.
CREATE OR REPLACE FUNCTION begin_erasure(
    new_id text, of_tenant text, of_label int, of_document text, by_sub text, parts_going text[]
) RETURNS jsonb LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    counts jsonb;
BEGIN
    INSERT INTO erasures (erasure_id, tenant, label_id, document_id, erased_by)
    VALUES (new_id, of_tenant, of_label, of_document, by_sub);
    INSERT INTO erased_parts (erasure_id, part_id, label_id, sha256, earlier_labels)
    SELECT new_id, p.part_id, p.label_id, t.sha256, ARRAY (
        SELECT DISTINCT f.label_id FROM former_chunks f
        WHERE f.document_key = p.document_key AND f.text_sha256 = t.sha256 AND f.label_id <> p.label_id
          AND f.label_id = ANY (scope_label_ids()))
    FROM parts p, LATERAL (SELECT sha256(convert_to(p.text, 'UTF8'))) AS t (sha256)
    WHERE p.part_id = ANY (parts_going) AND p.label_id = ANY (scope_label_ids());
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

CREATE OR REPLACE FUNCTION close_ledger_to_erased(of_erasure text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(7210020);
    DELETE FROM erased_chunks WHERE erased_at < now() - interval '1 day';
    INSERT INTO erased_chunks (chunk_id, label_id)
    SELECT c.chunk_id, c.label_id FROM chunks c JOIN erased_parts p ON p.part_id = c.part_id
    WHERE p.erasure_id = of_erasure
    UNION
    SELECT f.chunk_id, f.label_id
    FROM former_chunks_of(ARRAY (SELECT p.part_id FROM erased_parts p WHERE p.erasure_id = of_erasure)) f
    ON CONFLICT (chunk_id) DO UPDATE SET erased_at = now();
END $$;

-- As in 0027, under the labels of before too.
CREATE OR REPLACE FUNCTION search_erased(of_erasure text, texts text[], since timestamptz, until timestamptz)
RETURNS TABLE (place text, hits bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    theirs text[]; their_labels int[]; going text[];
BEGIN
    going := ARRAY (SELECT c.chunk_id FROM chunks c JOIN erased_parts p USING (part_id) WHERE p.erasure_id = of_erasure);
    SELECT array_agg(t), array_agg(l.label_id) INTO theirs, their_labels
    FROM unnest(texts) t JOIN erased_parts p ON p.erasure_id = of_erasure AND p.sha256 = sha256(convert_to(t, 'UTF8'))
    JOIN erasures e ON e.erasure_id = of_erasure AND e.ledger_id IS NULL,
         unnest(p.label_id || p.earlier_labels) AS l (label_id);
    RETURN QUERY
    SELECT w.place, count(h.ledger_id) FROM unnest(ARRAY['ledger_openings', 'answers']) AS w (place)
    LEFT JOIN runs_in_ledger(theirs, their_labels, going, since, until) h ON (h.name = 'stored') = (w.place = 'answers')
    GROUP BY w.place ORDER BY w.place;
END $$;
