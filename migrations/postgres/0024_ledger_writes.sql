-- What a record costs to write.

-- Each entry, opening and act looked its label up, and locked it under all others who write. Labels are never taken back: one look
-- for all entries does, and verification compares the labels of openings and acts with those of their entries.
ALTER TABLE ledger_entries DROP CONSTRAINT ledger_entries_label_id_fkey;
ALTER TABLE ledger_openings DROP CONSTRAINT ledger_openings_label_id_fkey;
ALTER TABLE ledger_acts DROP CONSTRAINT ledger_acts_label_id_fkey;

-- As in 0016, but that it looks for the labels, and in plpgsql, which keeps its plans for the session.
CREATE OR REPLACE FUNCTION append_ledger_entries(
    ledger_ids text[], tenants text[], label_ids int[], ats timestamptz[], leaves bytea[]
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM unnest(label_ids) g (id) WHERE NOT EXISTS (SELECT FROM labels l WHERE l.label_id = g.id)) THEN
        RAISE foreign_key_violation USING MESSAGE = 'a record bears a label that is not stored';
    END IF;
    WITH given AS (
        SELECT * FROM unnest(ledger_ids, tenants, label_ids, ats, leaves)
            WITH ORDINALITY AS g (ledger_id, tenant, label_id, at, leaf, place)
    ), written AS (
        INSERT INTO ledger_entries (ledger_id, tenant, label_id, recorded_at, leaf)
        SELECT ledger_id, tenant, label_id, at, leaf FROM given
    )
    INSERT INTO ledger_unsealed (ledger_id, label_id, hash)
    SELECT ledger_id, label_id, sha256('\x00'::bytea || leaf) FROM given ORDER BY place;
END $$;

-- Things are noted for what was opened and not for each act: most acts touch nothing. Openings and acts come in one statement,
-- at whose end both are there.
CREATE OR REPLACE FUNCTION note_ledger_acts() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO ledger_timeline (tenant, sub, kind, outcome, recorded_at, ledger_id, label_id)
    SELECT e.tenant, a.sub, a.kind, a.outcome, e.recorded_at, a.ledger_id, a.label_id
    FROM noted a JOIN ledger_entries e ON e.ledger_id = a.ledger_id;
    RETURN NULL;
END $$;

CREATE FUNCTION note_ledger_openings() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    telling text[] := ARRAY (SELECT DISTINCT ledger_id FROM opened WHERE name = ANY (
        '{answer,consulted,contexts,deleted,document,document_id,entities_shown,model,read,relabelled}'));
BEGIN
    IF cardinality(telling) > 0 THEN
        INSERT INTO ledger_touched (thing, sub, recorded_at, ledger_id, label_id, shown)
        SELECT * FROM ledger_things(telling);
    END IF;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION note_ledger_openings FROM PUBLIC;
CREATE TRIGGER ledger_openings_are_noted AFTER INSERT ON ledger_openings REFERENCING NEW TABLE AS opened
FOR EACH STATEMENT EXECUTE FUNCTION note_ledger_openings();

-- As in 0017, but that the openings of a record are found by one look at the index instead of one for each name.
CREATE OR REPLACE FUNCTION ledger_things(ledger_ids text[])
RETURNS TABLE (thing uuid, sub text, recorded_at timestamptz, ledger_id text, label_id int, shown boolean)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH records AS MATERIALIZED (
        SELECT a.ledger_id, a.label_id, a.kind, a.sub, e.tenant, e.recorded_at, (
            SELECT jsonb_object_agg(o.name, ledger_legible(convert_from(o.value, 'UTF8'))::jsonb) FILTER (WHERE o.name = ANY(
                '{answer,consulted,contexts,deleted,document,document_id,entities_shown,model,read,relabelled}'::text[]))
                || jsonb_build_object('outcome', a.outcome)
            FROM ledger_openings o WHERE o.ledger_id = a.ledger_id
        ) AS said
        FROM ledger_acts a JOIN ledger_entries e ON e.ledger_id = a.ledger_id
        WHERE a.ledger_id = ANY(ledger_ids) AND a.outcome <> ALL('{Opened,Consulting}')
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
