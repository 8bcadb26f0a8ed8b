-- What auditors look things up by: when who did what, and what each act touched or showed. Both are derived from the
-- records, in the transaction that writes them, and go with what they were derived from. Neither holds a text.

CREATE TABLE ledger_timeline (
    tenant      text NOT NULL,
    sub         text NOT NULL,
    kind        text NOT NULL,
    outcome     text NOT NULL,
    recorded_at timestamptz NOT NULL,
    ledger_id   text NOT NULL,
    label_id    int NOT NULL
);
CREATE INDEX ledger_timeline_by_sub ON ledger_timeline (tenant, sub, kind, recorded_at, ledger_id)
    INCLUDE (label_id, outcome);
CREATE INDEX ledger_timeline_by_kind ON ledger_timeline (tenant, kind, recorded_at, ledger_id)
    INCLUDE (label_id, outcome);

-- A thing is a document, an entity, a label or a model, by a digest of its name: names may be long, and are texts.
CREATE TABLE ledger_touched (
    thing       uuid NOT NULL,
    sub         text NOT NULL,
    recorded_at timestamptz NOT NULL,
    ledger_id   text NOT NULL,
    label_id    int NOT NULL,
    shown       boolean NOT NULL
);
CREATE INDEX ledger_touched_by_sub ON ledger_touched (thing, sub, recorded_at, ledger_id) INCLUDE (label_id, shown);
CREATE INDEX ledger_touched_by_time ON ledger_touched (thing, recorded_at, ledger_id) INCLUDE (label_id, shown);
-- For taking out what a record touched: times are alike in one record and hardly in others, and come in order.
CREATE INDEX ledger_touched_in_time ON ledger_touched (recorded_at);

DO $$
DECLARE
    derived text;
BEGIN
    FOREACH derived IN ARRAY ARRAY['ledger_timeline', 'ledger_touched']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', derived);
        EXECUTE format('CREATE POLICY in_scope ON %I FOR SELECT TO copilot_auditor
                        USING (label_id = ANY ((SELECT scope_label_ids())::int[]))', derived);
        EXECUTE format('GRANT SELECT ON %I TO copilot_auditor', derived);
    END LOOP;
END $$;

-- The backslash form of a NUL, which JSON can write and no text can hold, is read as what stands for the unreadable.
CREATE FUNCTION ledger_legible(said text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT replace(said, '\u0000', '\ufffd')
$$;

CREATE FUNCTION ledger_thing(tenant text, kind text, name text) RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT encode(substring(sha256(convert_to(
        length(tenant) || ':' || tenant || kind || ':' || ledger_legible(name), 'UTF8')) FROM 1 FOR 16), 'hex')::uuid
$$;

-- What these records touched, each thing once: `shown` is what the person was given to read, or was on its way to
-- them when the act broke off; of an answer that is what it cites. The rest they named, brought in or changed.
-- In plpgsql, which keeps the plan for the session; paths find nothing in details of another shape.
CREATE FUNCTION ledger_things(ledger_ids text[])
RETURNS TABLE (thing uuid, sub text, recorded_at timestamptz, ledger_id text, label_id int, shown boolean)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH records AS MATERIALIZED (
        SELECT a.ledger_id, a.label_id, a.kind, a.sub, e.tenant, e.recorded_at, (
            SELECT jsonb_object_agg(o.name, ledger_legible(convert_from(o.value, 'UTF8'))::jsonb
                                    ORDER BY o.name) || jsonb_build_object('outcome', a.outcome)
            FROM ledger_openings o
            WHERE o.ledger_id = a.ledger_id AND o.name = ANY('{answer,consulted,contexts,deleted,document,document_id,'
                'entities_shown,model,read,relabelled}'::text[])
        ) AS said
        FROM ledger_acts a JOIN ledger_entries e ON e.ledger_id = a.ledger_id
        WHERE a.ledger_id = ANY(ledger_ids) AND a.outcome <> ALL('{Opened,Consulting}')
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

CREATE FUNCTION note_ledger_acts() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO ledger_timeline (tenant, sub, kind, outcome, recorded_at, ledger_id, label_id)
    SELECT e.tenant, a.sub, a.kind, a.outcome, e.recorded_at, a.ledger_id, a.label_id
    FROM noted a JOIN ledger_entries e ON e.ledger_id = a.ledger_id;
    INSERT INTO ledger_touched (thing, sub, recorded_at, ledger_id, label_id, shown)
    SELECT * FROM ledger_things(ARRAY(SELECT ledger_id FROM noted));
    RETURN NULL;
END $$;

-- What was erased is not to be found by what it said either.
CREATE FUNCTION forget_ledger_acts() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    DELETE FROM ledger_timeline t USING erased a JOIN ledger_entries e ON e.ledger_id = a.ledger_id
    WHERE t.tenant = e.tenant AND t.kind = a.kind AND t.recorded_at = e.recorded_at AND t.ledger_id = e.ledger_id;
    DELETE FROM ledger_touched t USING erased a JOIN ledger_entries e ON e.ledger_id = a.ledger_id
    WHERE t.recorded_at = e.recorded_at AND t.ledger_id = e.ledger_id;
    RETURN NULL;
END $$;

CREATE FUNCTION forget_ledger_openings() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    touched text[] := ARRAY(SELECT DISTINCT ledger_id FROM erased WHERE name = ANY(
        '{answer,contexts,model,consulted,document_id,read,entities_shown,document,deleted,relabelled}'));
BEGIN
    DELETE FROM ledger_touched t USING ledger_entries e
    WHERE e.ledger_id = ANY(touched) AND t.recorded_at = e.recorded_at AND t.ledger_id = e.ledger_id;
    INSERT INTO ledger_touched (thing, sub, recorded_at, ledger_id, label_id, shown)
    SELECT * FROM ledger_things(touched);
    RETURN NULL;
END $$;

REVOKE ALL ON FUNCTION ledger_things, note_ledger_acts, forget_ledger_acts, forget_ledger_openings FROM PUBLIC;

CREATE TRIGGER ledger_acts_are_noted AFTER INSERT ON ledger_acts REFERENCING NEW TABLE AS noted
FOR EACH STATEMENT EXECUTE FUNCTION note_ledger_acts();
CREATE TRIGGER ledger_acts_are_forgotten AFTER DELETE ON ledger_acts REFERENCING OLD TABLE AS erased
FOR EACH STATEMENT EXECUTE FUNCTION forget_ledger_acts();
CREATE TRIGGER ledger_openings_are_forgotten AFTER DELETE ON ledger_openings REFERENCING OLD TABLE AS erased
FOR EACH STATEMENT EXECUTE FUNCTION forget_ledger_openings();

-- What was recorded until now.
INSERT INTO ledger_timeline (tenant, sub, kind, outcome, recorded_at, ledger_id, label_id)
SELECT e.tenant, a.sub, a.kind, a.outcome, e.recorded_at, a.ledger_id, a.label_id
FROM ledger_acts a JOIN ledger_entries e ON e.ledger_id = a.ledger_id;
INSERT INTO ledger_touched (thing, sub, recorded_at, ledger_id, label_id, shown)
SELECT * FROM ledger_things(ARRAY(SELECT ledger_id FROM ledger_acts));
