-- The ledger's large tables lie in a partition for each month (UTC) in which records say they were made, so that a month
-- can be archived and dropped. What proves the log (leaves, subtrees, checkpoints, keys) stays in one piece.

CREATE FUNCTION ledger_month_tables() RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
    SELECT ARRAY['ledger_entries', 'ledger_openings', 'ledger_acts', 'ledger_timeline', 'ledger_touched']
$$;
CREATE FUNCTION ledger_partition(parent text, of_month timestamptz) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT parent || to_char(of_month AT TIME ZONE 'UTC', '_YYYY_MM')
$$;
CREATE FUNCTION next_ledger_month(of_month timestamptz) RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT (date_trunc('month', of_month AT TIME ZONE 'UTC') + interval '1 month') AT TIME ZONE 'UTC'
$$;

CREATE SCHEMA ledger_whole;
DO $$
DECLARE
    parent text;
BEGIN
    FOREACH parent IN ARRAY ledger_month_tables() LOOP
        EXECUTE format('ALTER TABLE %I SET SCHEMA ledger_whole', parent);
    END LOOP;
END $$;

-- A partitioned table has no unique key without its partition key. That an id stands there once is seen to by
-- ledger_leaves, and told by `copilot ledger verify`. Nor are there foreign keys to labels, which lock a label's row under
-- all who write: labels are never taken back, and verification compares those of entries, leaves, acts and openings.
CREATE TABLE ledger_entries (
    LIKE ledger_whole.ledger_entries, PRIMARY KEY (ledger_id, recorded_at)
) PARTITION BY RANGE (recorded_at);
CREATE INDEX ledger_entries_in_time ON ledger_entries (recorded_at, ledger_id);
-- Openings and acts bear the time of their entry.
CREATE TABLE ledger_openings (
    LIKE ledger_whole.ledger_openings, recorded_at timestamptz NOT NULL, PRIMARY KEY (ledger_id, name, recorded_at)
) PARTITION BY RANGE (recorded_at);
CREATE TABLE ledger_acts (
    LIKE ledger_whole.ledger_acts, recorded_at timestamptz NOT NULL, PRIMARY KEY (ledger_id, recorded_at)
) PARTITION BY RANGE (recorded_at);
CREATE TABLE ledger_timeline (LIKE ledger_whole.ledger_timeline INCLUDING INDEXES) PARTITION BY RANGE (recorded_at);
CREATE TABLE ledger_touched (LIKE ledger_whole.ledger_touched INCLUDING INDEXES) PARTITION BY RANGE (recorded_at);

-- What a partition does not take from its table. Nobody who serves has a grant on one: they go through the tables.
CREATE FUNCTION guard_ledger_partition(part text) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', part);
    IF part LIKE 'ledger_entries%' THEN
        EXECUTE format('CREATE TRIGGER ledger_entries_stay BEFORE TRUNCATE ON %I
                        FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change()', part);
        EXECUTE format('ALTER TABLE %I ALTER leaf SET STATISTICS 0', part);
    ELSIF part LIKE 'ledger_openings%' THEN
        EXECUTE format('ALTER TABLE %I ALTER value SET STATISTICS 0', part);
    END IF;
END $$;

-- Where a record goes for whose month there is no partition: nobody who writes makes one.
DO $$
DECLARE
    parent text;
BEGIN
    FOREACH parent IN ARRAY ledger_month_tables() LOOP
        EXECUTE format('CREATE TABLE %I PARTITION OF %I DEFAULT', parent || '_other', parent);
        PERFORM guard_ledger_partition(parent || '_other');
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', parent);
    END LOOP;
END $$;
ALTER TABLE ledger_openings ALTER COLUMN value SET STATISTICS 0;
ALTER TABLE ledger_entries ALTER COLUMN leaf SET STATISTICS 0;

-- Makes the partitions of a month, with what lies of it among the others. They are made aside and attached at the end, since
-- from then on whoever has a plan for any month, as all who write, waits for the commit.
CREATE FUNCTION make_ledger_month(of_month timestamptz) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    since timestamptz := date_trunc('month', of_month, 'UTC');
    until timestamptz := next_ledger_month(of_month);
    parent text; part text; other text;
BEGIN
    IF to_regclass(ledger_partition('ledger_entries', since)) IS NOT NULL THEN
        RETURN;
    END IF;
    FOREACH parent IN ARRAY ledger_month_tables() LOOP
        part := ledger_partition(parent, since);
        EXECUTE format('CREATE TABLE public.%I (LIKE %I INCLUDING INDEXES)', part, parent);
        PERFORM guard_ledger_partition(part);
    END LOOP;
    FOREACH parent IN ARRAY ledger_month_tables() LOOP
        part := ledger_partition(parent, since);
        other := parent || '_other';
        EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', other);
        EXECUTE format('ALTER TABLE %I DISABLE TRIGGER USER', other);
        EXECUTE format('WITH moved AS (DELETE FROM %I WHERE recorded_at >= $1 AND recorded_at < $2 RETURNING *)
                        INSERT INTO %I SELECT * FROM moved', other, part) USING since, until;
        EXECUTE format('ALTER TABLE %I ENABLE TRIGGER USER', other);
        EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent, part, since, until);
    END LOOP;
END $$;

-- This month and the two that follow. Gives up where it would have to wait, or somebody else is at it: it is called again.
CREATE FUNCTION make_ledger_months() RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp SET lock_timeout = '100ms' AS $$
DECLARE
    ahead timestamptz := now();
BEGIN
    IF pg_try_advisory_xact_lock(7210025) THEN
        FOR _ IN 1..3 LOOP
            PERFORM make_ledger_month(ahead);
            ahead := next_ledger_month(ahead);
        END LOOP;
    END IF;
END $$;

-- Until the end of the transaction nobody else archives, nobody holds a document, and nobody writes a month or erases of
-- it; other months are read and written as ever.
CREATE FUNCTION still_ledger_month(of_month timestamptz) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    parent text;
BEGIN
    LOCK TABLE ledger_archives IN SHARE ROW EXCLUSIVE MODE;
    LOCK TABLE legal_holds IN SHARE MODE;
    FOREACH parent IN ARRAY ledger_month_tables() LOOP
        EXECUTE format('LOCK TABLE %I IN SHARE MODE', ledger_partition(parent, of_month));
    END LOOP;
END $$;

-- Takes a month out of the ledger, once it is archived: for the owner alone.
CREATE FUNCTION drop_ledger_month(of_month timestamptz) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    parent text;
BEGIN
    FOREACH parent IN ARRAY ledger_month_tables() LOOP
        EXECUTE format('DROP TABLE %I', ledger_partition(parent, of_month));
    END LOOP;
END $$;

-- What was recorded until now, in the months of which there is something. Pieces of no entry are kept as well:
-- `copilot ledger verify` names them.
SELECT make_ledger_month(month) FROM (
    SELECT DISTINCT date_trunc('month', recorded_at, 'UTC') AS month FROM ledger_whole.ledger_entries) m;
SELECT make_ledger_months();
INSERT INTO ledger_entries SELECT * FROM ledger_whole.ledger_entries;
INSERT INTO ledger_openings SELECT o.*, coalesce(e.recorded_at, 'epoch') FROM ledger_whole.ledger_openings o
LEFT JOIN ledger_whole.ledger_entries e ON e.ledger_id = o.ledger_id;
INSERT INTO ledger_acts SELECT a.*, coalesce(e.recorded_at, 'epoch') FROM ledger_whole.ledger_acts a
LEFT JOIN ledger_whole.ledger_entries e ON e.ledger_id = a.ledger_id;
INSERT INTO ledger_timeline SELECT * FROM ledger_whole.ledger_timeline;
INSERT INTO ledger_touched SELECT * FROM ledger_whole.ledger_touched;
DROP SCHEMA ledger_whole CASCADE;

CREATE TRIGGER ledger_entries_are_final BEFORE UPDATE OR DELETE ON ledger_entries
FOR EACH ROW EXECUTE FUNCTION refuse_ledger_change();
CREATE TRIGGER ledger_entries_stay BEFORE TRUNCATE ON ledger_entries
FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();

CREATE POLICY in_scope ON ledger_entries TO copilot_reader, copilot_writer, copilot_auditor
    USING (label_id = ANY ((SELECT scope_label_ids())::int[]));
CREATE POLICY in_scope ON ledger_openings TO copilot_reader, copilot_writer, copilot_auditor
    USING (label_id = ANY ((SELECT scope_label_ids())::int[]));
CREATE POLICY in_scope ON ledger_acts TO copilot_reader, copilot_writer, copilot_auditor
    USING (label_id = ANY ((SELECT scope_label_ids())::int[]));
CREATE POLICY in_scope ON ledger_timeline FOR SELECT TO copilot_auditor
    USING (label_id = ANY ((SELECT scope_label_ids())::int[]));
CREATE POLICY in_scope ON ledger_touched FOR SELECT TO copilot_auditor
    USING (label_id = ANY ((SELECT scope_label_ids())::int[]));
GRANT SELECT ON ledger_entries, ledger_openings, ledger_acts, ledger_timeline, ledger_touched TO copilot_auditor;

-- The functions that run for each record, told of what time it is, so that they look into that month alone. Without
-- sequential scans: their plans are kept, and are often made while a month is still empty. As in 0017, but that a record's
-- openings are found by one look at the index instead of one for each name.
DROP FUNCTION ledger_things;
CREATE FUNCTION ledger_things(
    ledger_ids text[], since timestamptz DEFAULT '-infinity', until timestamptz DEFAULT 'infinity'
) RETURNS TABLE (thing uuid, sub text, recorded_at timestamptz, ledger_id text, label_id int, shown boolean)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH records AS MATERIALIZED (
        SELECT a.ledger_id, a.label_id, a.kind, a.sub, e.tenant, e.recorded_at, (
            SELECT jsonb_object_agg(o.name, ledger_legible(convert_from(o.value, 'UTF8'))::jsonb) FILTER (WHERE o.name = ANY(
                '{answer,consulted,contexts,deleted,document,document_id,entities_shown,model,read,relabelled}'::text[]))
                || jsonb_build_object('outcome', a.outcome)
            FROM ledger_openings o
            WHERE o.ledger_id = a.ledger_id AND o.recorded_at BETWEEN ledger_things.since AND ledger_things.until
        ) AS said
        FROM ledger_acts a JOIN ledger_entries e ON e.ledger_id = a.ledger_id
         AND e.recorded_at BETWEEN ledger_things.since AND ledger_things.until
        WHERE a.ledger_id = ANY(ledger_ids) AND a.recorded_at BETWEEN ledger_things.since AND ledger_things.until
          AND a.outcome <> ALL('{Opened,Consulting}')
    ), found AS (
        SELECT r.ledger_id, p.thing, p.shown, f.value
        FROM (SELECT * FROM records WHERE said IS NOT NULL) r
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

-- For what was opened and not for each act: most acts touch nothing. Openings and acts come in one statement, at whose end
-- both are there.
CREATE FUNCTION note_ledger_openings() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    telling text[]; since timestamptz; until timestamptz;
BEGIN
    SELECT array_agg(DISTINCT ledger_id), min(recorded_at), max(recorded_at) INTO telling, since, until
    FROM opened WHERE name = ANY (
        '{answer,consulted,contexts,deleted,document,document_id,entities_shown,model,read,relabelled}');
    IF telling IS NOT NULL THEN
        INSERT INTO ledger_touched (thing, sub, recorded_at, ledger_id, label_id, shown)
        SELECT * FROM ledger_things(telling, since, until);
    END IF;
    RETURN NULL;
END $$;

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

CREATE TRIGGER ledger_openings_are_noted AFTER INSERT ON ledger_openings REFERENCING NEW TABLE AS opened
FOR EACH STATEMENT EXECUTE FUNCTION note_ledger_openings();
CREATE TRIGGER ledger_acts_are_forgotten AFTER DELETE ON ledger_acts REFERENCING OLD TABLE AS erased
FOR EACH STATEMENT EXECUTE FUNCTION forget_ledger_acts();
CREATE TRIGGER ledger_openings_are_forgotten AFTER DELETE ON ledger_openings REFERENCING OLD TABLE AS erased
FOR EACH STATEMENT EXECUTE FUNCTION forget_ledger_openings();
CREATE TRIGGER late_openings_are_stripped AFTER INSERT ON ledger_acts FOR EACH ROW
WHEN (NEW.kind IN ('ask', 'search')) EXECUTE FUNCTION strip_late_openings();

-- What was archived: which leaves, and the statement of the bundle in which their records lie now. The newest record of
-- the kind `archive` commits to all of these rows.
CREATE TABLE ledger_archives (
    statement   bytea PRIMARY KEY,  -- SHA-256 of the bundle's statement
    month       date NOT NULL,
    leaves      int8multirange NOT NULL,
    hashes      bytea NOT NULL,  -- SHA-256 over the hashes of these leaves, in their order
    archived_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
-- An erasure says which months it did not reach.
GRANT SELECT (month) ON ledger_archives TO copilot_writer;
CREATE TRIGGER ledger_archives_are_final BEFORE UPDATE OR DELETE ON ledger_archives
FOR EACH ROW EXECUTE FUNCTION refuse_ledger_change();
CREATE TRIGGER ledger_archives_stay BEFORE TRUNCATE ON ledger_archives
FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();

REVOKE ALL ON FUNCTION ledger_things, note_ledger_openings, guard_ledger_partition, make_ledger_month, make_ledger_months, still_ledger_month,
    drop_ledger_month FROM PUBLIC;
GRANT EXECUTE ON FUNCTION make_ledger_months TO copilot_sealer;
