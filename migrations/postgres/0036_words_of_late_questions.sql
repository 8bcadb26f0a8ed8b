-- A question may quote a text that is deleted while it is asked: its record comes later, and is looked through for these words then.

-- What was erased within the last hour: of its words no more than hashes of each eight in a row, by which nobody reads them. Older ones
-- are nobody's any more, and go with the next deletion.
CREATE TABLE erased_texts (
    erasure_id text NOT NULL REFERENCES erasures,
    label_id   int NOT NULL REFERENCES labels,
    salt       bigint NOT NULL,
    mask       bigint NOT NULL,  -- which bits of a hash say in which row of erased_runs it stands
    closed_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (erasure_id, label_id)
);
CREATE INDEX erased_texts_by_time ON erased_texts (closed_at);
-- Some hundred in a row: one for each would make the deletion of a long text take half as long again.
CREATE TABLE erased_runs (
    erasure_id text NOT NULL,
    label_id   int NOT NULL,
    bits       bigint NOT NULL,
    hashes     bigint[] NOT NULL,
    PRIMARY KEY (erasure_id, label_id, bits),
    FOREIGN KEY (erasure_id, label_id) REFERENCES erased_texts ON DELETE CASCADE
);
ALTER TABLE erased_texts ENABLE ROW LEVEL SECURITY;
ALTER TABLE erased_runs ENABLE ROW LEVEL SECURITY;
ALTER TABLE erased_runs ALTER hashes SET STATISTICS 0;

-- The texts that an erasure takes out of the ledger, as erase_traces looks for them, while they are still there.
CREATE FUNCTION texts_of_erasure(of_erasure text) RETURNS TABLE (text text, label_id int) LANGUAGE sql STABLE
SET search_path = pg_catalog, public, pg_temp AS $$
    WITH going AS MATERIALIZED (
        SELECT p.text, p.document_key, e.label_id, e.earlier_labels
        FROM erased_parts e JOIN erasures s USING (erasure_id) JOIN parts p ON p.part_id = e.part_id
        WHERE e.erasure_id = of_erasure AND s.ledger_id IS NULL
    )
    SELECT g.text, l.label_id FROM going g, unnest(g.label_id || g.earlier_labels) AS l (label_id)
    UNION ALL
    SELECT concat_ws(' ', d.title, d.source, d.metadata::text), d.label_id FROM documents d
    WHERE d.label_id = ANY (scope_label_ids()) AND d.document_key IN (SELECT g.document_key FROM going g)
$$;

-- Before the ledger is closed to them, so that nobody waits for it; it counts from then on, since others see it once they may go on.
CREATE FUNCTION keep_erased_runs(of_erasure text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp SET plan_cache_mode = force_custom_plan AS $$
BEGIN
    INSERT INTO erased_texts (erasure_id, label_id, salt, mask)
    SELECT of_erasure, t.label_id, hashtextextended(gen_random_uuid()::text, 0),
           2 ^ floor(log(2, 1 + sum(octet_length(t.text)) / 1000.0)) - 1
    FROM texts_of_erasure(of_erasure) t GROUP BY t.label_id;
    INSERT INTO erased_runs (erasure_id, label_id, bits, hashes)
    SELECT of_erasure, e.label_id, h.hash & e.mask, array_agg(h.hash)
    FROM texts_of_erasure(of_erasure) t JOIN erased_texts e ON e.erasure_id = of_erasure AND e.label_id = t.label_id,
         eight_word_runs(t.text) run, hashtextextended(run, e.salt) AS h (hash)
    GROUP BY e.label_id, h.hash & e.mask;
END $$;

-- As in 0029; and what nobody looks for any more goes.
CREATE OR REPLACE FUNCTION close_ledger_to_erased(of_erasure text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(7210020);
    DELETE FROM erased_texts WHERE closed_at < now() - interval '1 hour';
    DELETE FROM erased_chunks WHERE erased_at < now() - interval '1 day';
    INSERT INTO erased_chunks (chunk_id, label_id)
    SELECT c.chunk_id, c.label_id FROM chunks c JOIN erased_parts p ON p.part_id = c.part_id
    WHERE p.erasure_id = of_erasure
    UNION
    SELECT f.chunk_id, f.label_id
    FROM former_chunks_of(ARRAY (SELECT p.part_id FROM erased_parts p WHERE p.erasure_id = of_erasure)) f
    ON CONFLICT (chunk_id) DO UPDATE SET erased_at = now();
END $$;

-- As in 0020; who asks from here on asks anew. Certificates repeat why somebody deleted, as long as their records say so.
CREATE OR REPLACE FUNCTION finish_erasure(of_erasure text, of_record text, given jsonb) RETURNS void LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
    UPDATE erased_texts t SET closed_at = clock_timestamp() FROM erasures e
    WHERE t.erasure_id = of_erasure AND e.erasure_id = of_erasure AND e.ledger_id IS NULL;
    UPDATE erasures s SET body = jsonb_set(s.body, '{reason}', 'null') FROM ledger_entries e
    WHERE e.ledger_id = s.ledger_id AND s.body ->> 'reason' <> '' AND e.leaf LIKE '%"reason":"%'::bytea
      AND NOT EXISTS (SELECT FROM ledger_openings o WHERE o.ledger_id = s.ledger_id AND o.name = 'reason');
    UPDATE erasures SET ledger_id = of_record, body = given WHERE erasure_id = of_erasure AND ledger_id IS NULL
$$;

-- Names of the openings that erase_traces would have taken for their words, had the record been there in time. Of acts that had begun before
-- the deletion was over, by clocks that differ by seconds at most; one that does not say when it began may have taken the hour.
CREATE FUNCTION late_words(of_record text, made_at timestamptz, of_label int) RETURNS text[] LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    since timestamptz := now() - interval '1 hour'; founded boolean; hits text[];
BEGIN
    IF NOT EXISTS (SELECT FROM erased_texts WHERE closed_at > since) THEN
        RETURN '{}';
    END IF;
    SELECT greatest(since, to_timestamp((ledger_legible(convert_from(o.value, 'UTF8'))::jsonb #>> '{between_us,0}')::float8 / 1e6)
                           - interval '5 seconds') INTO since
    FROM (SELECT) AS one LEFT JOIN ledger_openings o ON o.ledger_id = of_record AND o.recorded_at = made_at AND o.name = 'decided';
    IF NOT EXISTS (SELECT FROM erased_texts WHERE closed_at > since) THEN
        RETURN '{}';
    END IF;
    SELECT bool_and(c.chunk_id IS NOT NULL) INTO founded
    FROM ledger_openings o, cited_chunks(convert_from(o.value, 'UTF8')) cited LEFT JOIN chunks c ON c.chunk_id = cited
    WHERE o.ledger_id = of_record AND o.recorded_at = made_at AND o.name IN ('contexts', 'answer');
    WITH said AS MATERIALIZED (
        SELECT DISTINCT o.name, run FROM ledger_openings o, texts_in(convert_from(o.value, 'UTF8')) said_text, eight_word_runs(said_text) run
        WHERE o.ledger_id = of_record AND o.recorded_at = made_at AND octet_length(o.value) > 17
          AND (o.name IN ('question', 'plan', 'unnamed', 'consulted', 'reason') OR o.name = 'answer' AND founded IS NOT TRUE)
    )
    SELECT coalesce(array_agg(DISTINCT s.name), '{}') INTO hits
    FROM said s, erased_texts t JOIN labels l ON l.label_id = t.label_id JOIN labels r ON r.label_id = of_label AND label_covers(r.value, l.value),
         hashtextextended(s.run, t.salt) AS h (hash)
    WHERE t.closed_at > since AND (
        SELECT h.hash = ANY (k.hashes) FROM erased_runs k
        WHERE k.erasure_id = t.erasure_id AND k.label_id = t.label_id AND k.bits = h.hash & t.mask);
    RETURN hits
        || CASE WHEN 'answer' = ANY (hits) THEN '{contexts,dropped,recheck_dropped,consulted}'::text[] END
        || CASE WHEN hits && '{question,plan}' THEN '{question,plan,unnamed,consulted}'::text[] END;
END $$;

-- As in 0031, with what repeats the words of a text that went.
CREATE OR REPLACE FUNCTION strip_late_openings() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    repeating text[];
BEGIN
    PERFORM pg_advisory_xact_lock_shared(7210020);
    repeating := late_words(NEW.ledger_id, NEW.recorded_at, NEW.label_id);
    IF repeating <> '{}' OR EXISTS (SELECT FROM erased_chunks) THEN
        WITH stripped AS (
            DELETE FROM ledger_openings o
            WHERE o.ledger_id = NEW.ledger_id AND o.recorded_at = NEW.recorded_at
              AND (o.name = ANY (repeating) OR o.name IN ('contexts', 'answer', 'dropped', 'recheck_dropped', 'consulted')
                AND EXISTS (
                  SELECT FROM ledger_openings c, cited_chunks(convert_from(c.value, 'UTF8')) cited
                  JOIN erased_chunks g ON g.chunk_id = cited
                  WHERE c.ledger_id = NEW.ledger_id AND c.recorded_at = NEW.recorded_at
                    AND c.name IN ('contexts', 'answer', 'recheck_dropped')
                    AND NOT EXISTS (SELECT FROM chunks k WHERE k.chunk_id = cited)))
            RETURNING o.name
        )
        INSERT INTO late_openings (ledger_id, label_id, names)
        SELECT NEW.ledger_id, NEW.label_id, array_agg(name ORDER BY name) FROM stripped HAVING count(*) > 0;
    END IF;
    RETURN NULL;
END $$;

-- Questions that came to nothing stand in records of these kinds, too.
DROP TRIGGER late_openings_are_stripped ON ledger_acts;
CREATE TRIGGER late_openings_are_stripped AFTER INSERT ON ledger_acts FOR EACH ROW
WHEN (NEW.kind IN ('ask', 'search', 'denied', 'failed')) EXECUTE FUNCTION strip_late_openings();

-- As in 0020; and none of a record of which the question or the answer was not kept: it repeats both.
CREATE OR REPLACE FUNCTION refuse_late_answer() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(7210020);
    IF EXISTS (
        SELECT FROM erased_chunks g WHERE NEW.body->'rests_on' ? g.chunk_id
          AND NOT EXISTS (SELECT FROM chunks k WHERE k.chunk_id = g.chunk_id)
    ) OR EXISTS (
        SELECT FROM late_openings l WHERE l.ledger_id = NEW.ledger_id AND l.names && '{question,plan,answer}'
    ) THEN
        RETURN NULL;
    END IF;
    RETURN NEW;
END $$;

REVOKE ALL ON FUNCTION texts_of_erasure, keep_erased_runs, late_words FROM PUBLIC;
GRANT EXECUTE ON FUNCTION keep_erased_runs TO copilot_writer;
