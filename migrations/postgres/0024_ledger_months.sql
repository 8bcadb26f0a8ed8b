-- The ledger's large tables lie in a partition for each month (UTC) in which records say they were made, so that a month
-- can be archived and dropped. What proves the log (leaves, subtrees, checkpoints, keys) stays in one piece.

CREATE FUNCTION ledger_month_tables() RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
    SELECT ARRAY['ledger_entries', 'ledger_openings', 'ledger_acts', 'ledger_timeline', 'ledger_touched', 'ledger_marks']
$$;

CREATE FUNCTION ledger_month_after(of_month timestamptz) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
    SELECT (date_trunc('month', of_month AT TIME ZONE 'UTC') + interval '1 month') AT TIME ZONE 'UTC'
$$;

DO $$
DECLARE
    moved text;
BEGIN
    FOREACH moved IN ARRAY ARRAY['ledger_entries', 'ledger_openings', 'ledger_acts', 'ledger_timeline', 'ledger_touched']
    LOOP
        EXECUTE format('ALTER TABLE %I RENAME TO %I', moved, moved || '_whole');
    END LOOP;
END $$;
DROP INDEX ledger_entries_in_time, ledger_timeline_by_sub, ledger_timeline_by_kind, ledger_touched_by_sub,
    ledger_touched_by_time, ledger_touched_in_time;

CREATE TABLE ledger_entries (
    ledger_id   text NOT NULL,
    tenant      text NOT NULL,
    label_id    int NOT NULL REFERENCES labels,
    recorded_at timestamptz NOT NULL,
    leaf        bytea NOT NULL
) PARTITION BY RANGE (recorded_at);
CREATE INDEX ledger_entries_in_time ON ledger_entries (recorded_at, ledger_id);

CREATE TABLE ledger_openings (
    ledger_id   text NOT NULL,
    name        text NOT NULL,
    label_id    int NOT NULL REFERENCES labels,
    salt        bytea NOT NULL,
    value       bytea NOT NULL,
    recorded_at timestamptz NOT NULL  -- that of the entry, here and below
) PARTITION BY RANGE (recorded_at);

CREATE TABLE ledger_acts (
    ledger_id       text NOT NULL,
    label_id        int NOT NULL REFERENCES labels,
    kind            text NOT NULL,
    sub             text NOT NULL,
    purpose         text NOT NULL,
    outcome         text NOT NULL,
    policy_revision text NOT NULL,
    recorded_at     timestamptz NOT NULL
) PARTITION BY RANGE (recorded_at);

CREATE TABLE ledger_timeline (LIKE ledger_timeline_whole) PARTITION BY RANGE (recorded_at);
CREATE INDEX ledger_timeline_by_sub ON ledger_timeline (tenant, sub, kind, recorded_at, ledger_id)
    INCLUDE (label_id, outcome);
CREATE INDEX ledger_timeline_by_kind ON ledger_timeline (tenant, kind, recorded_at, ledger_id)
    INCLUDE (label_id, outcome);

CREATE TABLE ledger_touched (LIKE ledger_touched_whole) PARTITION BY RANGE (recorded_at);
CREATE INDEX ledger_touched_by_sub ON ledger_touched (thing, sub, recorded_at, ledger_id) INCLUDE (label_id, shown);
CREATE INDEX ledger_touched_by_time ON ledger_touched (thing, recorded_at, ledger_id) INCLUDE (label_id, shown);
CREATE INDEX ledger_touched_in_time ON ledger_touched (recorded_at);

-- By what an erasure finds records: marks of the chunks that they cite, and of each eight words that they repeat one. A
-- record has its marks soon after it is sealed; until then it is gone through.
CREATE TABLE ledger_marks (
    ledger_id   text NOT NULL,
    label_id    int NOT NULL,
    recorded_at timestamptz NOT NULL,
    marks       bigint[] NOT NULL
) PARTITION BY RANGE (recorded_at);
CREATE INDEX ledger_marks_by_mark ON ledger_marks USING gin (marks);
-- How many leaves have their marks: all before this one.
CREATE TABLE ledger_marked (leaves bigint NOT NULL);
CREATE UNIQUE INDEX ledger_marked_once ON ledger_marked ((true));
INSERT INTO ledger_marked VALUES (0);

DO $$
DECLARE
    parent text;
BEGIN
    FOREACH parent IN ARRAY ledger_month_tables() LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', parent);
    END LOOP;
END $$;
-- The planner's statistics keep samples of columns; these need none, and would keep the texts.
ALTER TABLE ledger_openings ALTER COLUMN value SET STATISTICS 0;
ALTER TABLE ledger_entries ALTER COLUMN leaf SET STATISTICS 0;

-- What a partition has that it does not take from its table. Keys are those of one month: a table of months can have no
-- others without the time, and the leaf's id is kept apart from all others by ledger_leaves.
CREATE FUNCTION guard_ledger_month(parent text, part text) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    unsampled name;
BEGIN
    IF parent IN ('ledger_entries', 'ledger_acts', 'ledger_marks') THEN
        EXECUTE format('ALTER TABLE %I ADD PRIMARY KEY (ledger_id)', part);
    ELSIF parent = 'ledger_openings' THEN
        EXECUTE format('ALTER TABLE %I ADD PRIMARY KEY (ledger_id, name)', part);
    END IF;
    IF parent = 'ledger_entries' THEN
        EXECUTE format('CREATE TRIGGER ledger_entries_stay BEFORE TRUNCATE ON %I
                        FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change()', part);
    END IF;
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', part);
    FOR unsampled IN SELECT attname FROM pg_attribute WHERE attrelid = parent::regclass AND attstattarget = 0 LOOP
        EXECUTE format('ALTER TABLE %I ALTER COLUMN %I SET STATISTICS 0', part, unsampled);
    END LOOP;
END $$;

-- Where a record goes for whose month there is no partition: nobody who writes ever waits for one to be made.
DO $$
DECLARE
    parent text;
BEGIN
    FOREACH parent IN ARRAY ledger_month_tables() LOOP
        EXECUTE format('CREATE TABLE %I PARTITION OF %I DEFAULT', parent || '_other', parent);
        PERFORM guard_ledger_month(parent, parent || '_other');
    END LOOP;
END $$;

-- Makes the partitions of a month, with what lies of it among the others. They are attached rather than made in place, which
-- lets others write meanwhile; what they wait for is a moment in which nobody reads what lies among the others.
CREATE FUNCTION make_ledger_month(of_month timestamptz) RETURNS boolean LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    since timestamptz := date_trunc('month', of_month, 'UTC');
    until timestamptz := ledger_month_after(of_month);
    parent text; part text; other text; astray boolean; made boolean := false;
BEGIN
    FOREACH parent IN ARRAY ledger_month_tables() LOOP
        part := parent || to_char(since AT TIME ZONE 'UTC', '_YYYY_MM');
        other := parent || '_other';
        CONTINUE WHEN to_regclass(part) IS NOT NULL;
        made := true;
        EXECUTE format('CREATE TABLE public.%I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES)', part, parent);
        PERFORM guard_ledger_month(parent, part);
        EXECUTE format('SELECT EXISTS (SELECT FROM %I WHERE recorded_at >= $1 AND recorded_at < $2)', other)
            INTO astray USING since, until;
        IF astray THEN
            EXECUTE format('ALTER TABLE %I DISABLE TRIGGER USER', other);
            EXECUTE format('WITH moved AS (DELETE FROM %I WHERE recorded_at >= $1 AND recorded_at < $2 RETURNING *)
                            INSERT INTO %I SELECT * FROM moved', other, part) USING since, until;
            EXECUTE format('ALTER TABLE %I ENABLE TRIGGER USER', other);
        END IF;
        EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent, part, since, until);
    END LOOP;
    RETURN made;
END $$;

-- This month and the two that follow; gives up where it would have to wait for others, to be called again.
CREATE FUNCTION make_ledger_months() RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp SET lock_timeout = '500ms' AS $$
DECLARE
    ahead timestamptz := now(); made boolean := false;
BEGIN
    PERFORM pg_advisory_xact_lock(7210025);
    FOR _ IN 1..3 LOOP
        made := make_ledger_month(ahead) OR made;
        ahead := ledger_month_after(ahead);
    END LOOP;
    RETURN made;
END $$;

-- Until the end of the transaction nobody holds a document, and nobody writes a month or erases of it; others are read and
-- written as ever.
CREATE FUNCTION still_ledger_month(of_month timestamptz) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    parent text;
BEGIN
    LOCK TABLE legal_holds IN SHARE MODE;
    FOREACH parent IN ARRAY ledger_month_tables() LOOP
        EXECUTE format('LOCK TABLE %I IN SHARE MODE', parent || to_char(of_month AT TIME ZONE 'UTC', '_YYYY_MM'));
    END LOOP;
END $$;

-- Takes a month out of the ledger, once it is archived: for the owner alone.
CREATE FUNCTION drop_ledger_month(of_month timestamptz) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    parent text; part text;
BEGIN
    FOREACH parent IN ARRAY ledger_month_tables() LOOP
        part := parent || to_char(of_month AT TIME ZONE 'UTC', '_YYYY_MM');
        EXECUTE format('ALTER TABLE %I DETACH PARTITION %I', parent, part);
        EXECUTE format('DROP TABLE %I', part);
    END LOOP;
END $$;

-- What was recorded until now, in the months of which there is something.
DO $$
DECLARE
    moved text; before bigint; after bigint;
BEGIN
    PERFORM make_ledger_month(month) FROM (
        SELECT DISTINCT date_trunc('month', recorded_at, 'UTC') AS month FROM ledger_entries_whole) m;
    PERFORM make_ledger_months();
    INSERT INTO ledger_entries (ledger_id, tenant, label_id, recorded_at, leaf)
    SELECT ledger_id, tenant, label_id, recorded_at, leaf FROM ledger_entries_whole ORDER BY recorded_at;
    -- Pieces of no entry are kept as well: `copilot ledger verify` names them.
    INSERT INTO ledger_openings (ledger_id, name, label_id, salt, value, recorded_at)
    SELECT o.ledger_id, o.name, o.label_id, o.salt, o.value, coalesce(e.recorded_at, 'epoch')
    FROM ledger_openings_whole o LEFT JOIN ledger_entries_whole e ON e.ledger_id = o.ledger_id ORDER BY e.recorded_at;
    INSERT INTO ledger_acts (ledger_id, label_id, kind, sub, purpose, outcome, policy_revision, recorded_at)
    SELECT a.ledger_id, a.label_id, a.kind, a.sub, a.purpose, a.outcome, a.policy_revision,
           coalesce(e.recorded_at, 'epoch')
    FROM ledger_acts_whole a LEFT JOIN ledger_entries_whole e ON e.ledger_id = a.ledger_id ORDER BY e.recorded_at;
    INSERT INTO ledger_timeline SELECT * FROM ledger_timeline_whole ORDER BY recorded_at;
    INSERT INTO ledger_touched SELECT * FROM ledger_touched_whole ORDER BY recorded_at;
    FOREACH moved IN ARRAY ARRAY['ledger_entries', 'ledger_openings', 'ledger_acts', 'ledger_timeline', 'ledger_touched']
    LOOP
        EXECUTE format('SELECT count(*) FROM %I', moved || '_whole') INTO before;
        EXECUTE format('SELECT count(*) FROM %I', moved) INTO after;
        IF before <> after THEN
            RAISE EXCEPTION 'of % rows of % % would stand in its months', before, moved, after;
        END IF;
        EXECUTE format('DROP TABLE %I', moved || '_whole');
    END LOOP;
END $$;

CREATE TRIGGER ledger_entries_are_final BEFORE UPDATE OR DELETE ON ledger_entries
FOR EACH ROW EXECUTE FUNCTION refuse_ledger_change();
CREATE TRIGGER ledger_entries_stay BEFORE TRUNCATE ON ledger_entries
FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();

DO $$
DECLARE
    labelled text;
BEGIN
    FOREACH labelled IN ARRAY ARRAY['ledger_entries', 'ledger_openings', 'ledger_acts', 'ledger_timeline', 'ledger_touched']
    LOOP
        EXECUTE format(
            'CREATE POLICY in_scope ON %I TO copilot_reader, copilot_writer, copilot_auditor
             USING (label_id = ANY ((SELECT scope_label_ids())::int[]))', labelled);
        EXECUTE format('GRANT SELECT ON %I TO copilot_auditor', labelled);
    END LOOP;
    FOREACH labelled IN ARRAY ARRAY['ledger_openings', 'ledger_acts']
    LOOP
        EXECUTE format('CREATE POLICY recorded ON %I FOR INSERT TO copilot_ledger, copilot_writer WITH CHECK (true)', labelled);
        EXECUTE format('GRANT INSERT ON %I TO copilot_ledger, copilot_writer', labelled);
    END LOOP;
END $$;

-- The functions of 0017, told of what time the records are, so that they look into that month alone. Without sequential
-- scans: their plans are kept, and are often made while a month is still empty.
DROP FUNCTION ledger_things;
CREATE FUNCTION ledger_things(
    ledger_ids text[], since timestamptz DEFAULT '-infinity', until timestamptz DEFAULT 'infinity'
) RETURNS TABLE (thing uuid, sub text, recorded_at timestamptz, ledger_id text, label_id int, shown boolean)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH records AS MATERIALIZED (
        SELECT a.ledger_id, a.label_id, a.kind, a.sub, e.tenant, a.recorded_at, (
            SELECT jsonb_object_agg(o.name, ledger_legible(convert_from(o.value, 'UTF8'))::jsonb
                                    ORDER BY o.name) || jsonb_build_object('outcome', a.outcome)
            FROM ledger_openings o
            WHERE o.ledger_id = a.ledger_id AND o.recorded_at BETWEEN ledger_things.since AND ledger_things.until
              AND o.name = ANY('{answer,consulted,contexts,deleted,document,document_id,'
                'entities_shown,model,read,relabelled}'::text[])
        ) AS said
        FROM ledger_acts a JOIN ledger_entries e ON e.ledger_id = a.ledger_id
         AND e.recorded_at BETWEEN ledger_things.since AND ledger_things.until
        WHERE a.ledger_id = ANY(ledger_things.ledger_ids) AND a.outcome <> ALL('{Opened,Consulting}')
          AND a.recorded_at BETWEEN ledger_things.since AND ledger_things.until
    ), found AS (
        SELECT r.ledger_id, p.thing, p.shown, f.value
        FROM records r
        JOIN (VALUES
            ('ask', 'document', true,
             '$.contexts[*] ? (@.chunk_id == $.answer[*].citations[*].chunk_id).document_id'::jsonpath),
            ('ask', 'label', true, '$.contexts[*] ? (@.chunk_id == $.answer[*].citations[*].chunk_id).label'),
            ('ask', 'entity', true, '$.answer[*].citations[*].entities[*]'),
            ('ask', 'model', false, '$.model.model'),
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

CREATE OR REPLACE FUNCTION note_ledger_acts() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    since timestamptz; until timestamptz; acts bigint; entries bigint;
BEGIN
    SELECT min(recorded_at), max(recorded_at), count(*) INTO since, until, acts FROM noted;
    INSERT INTO ledger_timeline (tenant, sub, kind, outcome, recorded_at, ledger_id, label_id)
    SELECT e.tenant, a.sub, a.kind, a.outcome, e.recorded_at, a.ledger_id, a.label_id
    FROM noted a JOIN ledger_entries e ON e.ledger_id = a.ledger_id AND e.recorded_at = a.recorded_at
    WHERE e.recorded_at BETWEEN since AND until;
    GET DIAGNOSTICS entries = ROW_COUNT;
    IF entries <> acts THEN
        RAISE EXCEPTION 'an act must stand beside its entry';
    END IF;
    INSERT INTO ledger_touched (thing, sub, recorded_at, ledger_id, label_id, shown)
    SELECT * FROM ledger_things(ARRAY(SELECT ledger_id FROM noted), since, until);
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION forget_ledger_acts() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
BEGIN
    DELETE FROM ledger_timeline t USING erased a JOIN ledger_entries e ON e.ledger_id = a.ledger_id
     AND e.recorded_at = a.recorded_at
    WHERE t.tenant = e.tenant AND t.kind = a.kind AND t.recorded_at = e.recorded_at AND t.ledger_id = e.ledger_id;
    DELETE FROM ledger_touched t USING erased a WHERE t.recorded_at = a.recorded_at AND t.ledger_id = a.ledger_id;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION forget_ledger_openings() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    touched text[]; since timestamptz; until timestamptz;
BEGIN
    SELECT coalesce(array_agg(DISTINCT ledger_id), '{}'), min(recorded_at), max(recorded_at) INTO touched, since, until
    FROM erased WHERE name = ANY(
        '{answer,contexts,model,consulted,document_id,read,entities_shown,document,deleted,relabelled}');
    DELETE FROM ledger_touched t USING (SELECT DISTINCT recorded_at, ledger_id FROM erased) e
    WHERE t.recorded_at = e.recorded_at AND t.ledger_id = e.ledger_id AND e.ledger_id = ANY(touched);
    INSERT INTO ledger_touched (thing, sub, recorded_at, ledger_id, label_id, shown)
    SELECT * FROM ledger_things(touched, since, until);
    RETURN NULL;
END $$;

CREATE TRIGGER ledger_acts_are_noted AFTER INSERT ON ledger_acts REFERENCING NEW TABLE AS noted
FOR EACH STATEMENT EXECUTE FUNCTION note_ledger_acts();
CREATE TRIGGER ledger_acts_are_forgotten AFTER DELETE ON ledger_acts REFERENCING OLD TABLE AS erased
FOR EACH STATEMENT EXECUTE FUNCTION forget_ledger_acts();
CREATE TRIGGER ledger_openings_are_forgotten AFTER DELETE ON ledger_openings REFERENCING OLD TABLE AS erased
FOR EACH STATEMENT EXECUTE FUNCTION forget_ledger_openings();
CREATE TRIGGER late_openings_are_stripped AFTER INSERT ON ledger_acts FOR EACH ROW
WHEN (NEW.kind IN ('ask', 'search')) EXECUTE FUNCTION strip_late_openings();

CREATE OR REPLACE FUNCTION strip_late_openings() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(7210020);
    IF EXISTS (SELECT FROM erased_chunks) THEN
        DELETE FROM ledger_openings o
        WHERE o.ledger_id = NEW.ledger_id AND o.recorded_at = NEW.recorded_at
          AND o.name IN ('contexts', 'answer', 'dropped', 'recheck_dropped', 'consulted')
          AND EXISTS (
            SELECT FROM ledger_openings c, cited_chunks(convert_from(c.value, 'UTF8')) cited
            JOIN erased_chunks g ON g.chunk_id = cited
            WHERE c.ledger_id = NEW.ledger_id AND c.recorded_at = NEW.recorded_at
              AND c.name IN ('contexts', 'answer', 'recheck_dropped')
              AND NOT EXISTS (SELECT FROM chunks k WHERE k.chunk_id = cited));
    END IF;
    RETURN NULL;
END $$;

-- What was archived: which leaves, and the statement of the bundle in which their records lie now. The acts that say so are
-- in the log, one for each tenant of whom there was something, and commit to the same.
CREATE TABLE ledger_archives (
    archive_id  text PRIMARY KEY,
    month       date NOT NULL,
    leaves      int8multirange NOT NULL,
    hashes      bytea NOT NULL,  -- SHA-256 over the hashes of these leaves, in their order
    statement   bytea NOT NULL,  -- SHA-256 of the bundle's statement
    acts        text[] NOT NULL,
    archived_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
GRANT SELECT ON ledger_archives TO copilot_sealer;
-- An erasure says which months it could not reach.
GRANT SELECT (month) ON ledger_archives TO copilot_writer;
CREATE TRIGGER ledger_archives_are_final BEFORE UPDATE OR DELETE ON ledger_archives
FOR EACH ROW EXECUTE FUNCTION refuse_ledger_change();
CREATE TRIGGER ledger_archives_stay BEFORE TRUNCATE ON ledger_archives
FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();

REVOKE ALL ON FUNCTION ledger_things, guard_ledger_month, make_ledger_month, make_ledger_months, still_ledger_month, drop_ledger_month FROM PUBLIC;
GRANT EXECUTE ON FUNCTION make_ledger_months TO copilot_sealer;
