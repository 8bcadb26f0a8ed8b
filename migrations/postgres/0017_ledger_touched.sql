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
CREATE FUNCTION ledger_things(ledger_ids text[])
RETURNS TABLE (thing uuid, sub text, recorded_at timestamptz, ledger_id text, label_id int, shown boolean)
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    WITH given AS MATERIALIZED (
        SELECT a.ledger_id, a.kind, a.outcome, o.name, ledger_legible(convert_from(o.value, 'UTF8'))::jsonb AS value
        FROM ledger_acts a JOIN ledger_openings o ON o.ledger_id = a.ledger_id
        WHERE a.ledger_id = ANY(ledger_ids) AND o.name = ANY(
            CASE a.kind
                WHEN 'ask' THEN '{answer,contexts,model,consulted}'
                WHEN 'search' THEN '{contexts,consulted}'
                WHEN 'read' THEN '{document_id,read,entities_shown}'
                WHEN 'ingest' THEN '{document}'
                WHEN 'delete' THEN '{document_id,deleted}'
                WHEN 'relabel' THEN '{document_id,relabelled}'
                ELSE '{document_id}'
            END::text[])
    ), said AS MATERIALIZED (
        SELECT * FROM given WHERE jsonb_typeof(value) = CASE
            WHEN name = 'document_id' THEN 'string'
            WHEN name = ANY('{model,document,deleted,relabelled}') THEN 'object'
            ELSE 'array'
        END
    ), cited AS (
        SELECT s.ledger_id, c.value
        FROM said s, jsonb_array_elements(s.value) sentence, jsonb_array_elements(sentence -> 'citations') c
        WHERE s.kind = 'ask' AND s.name = 'answer'
    ), passages AS (
        SELECT s.ledger_id, p.value
        FROM said s, jsonb_array_elements(s.value) p
        WHERE s.name = 'contexts' AND CASE s.kind
            WHEN 'search' THEN s.outcome = 'SearchResult'
            ELSE (s.ledger_id, p.value ->> 'chunk_id') IN (SELECT c.ledger_id, c.value ->> 'chunk_id' FROM cited c)
        END
        UNION ALL
        SELECT s.ledger_id, p.value FROM said s, jsonb_array_elements(s.value) p WHERE s.name = 'read'
    ), changed AS (
        SELECT s.ledger_id, s.value -> 'label' AS label, s.value -> 'parts' AS parts,
               coalesce(s.value ->> 'document_id', s.value ->> 'id') AS document_id
        FROM said s WHERE s.name IN ('document', 'deleted', 'relabelled')
        UNION ALL
        SELECT s.ledger_id, s.value -> 'after' -> 'label', NULL, NULL FROM said s WHERE s.name = 'relabelled'
    ), things (ledger_id, kind, name, shown) AS (
        SELECT p.ledger_id, 'document', p.value ->> 'document_id', true FROM passages p
        UNION ALL SELECT p.ledger_id, 'label', (p.value -> 'label')::text, true FROM passages p
        UNION ALL SELECT c.ledger_id, 'entity', e, true
            FROM cited c, jsonb_array_elements_text(c.value -> 'entities') e
        UNION ALL SELECT s.ledger_id, 'entity', e, true
            FROM said s, jsonb_array_elements_text(s.value) e WHERE s.name = 'entities_shown'
        UNION ALL SELECT s.ledger_id, 'document', s.value #>> '{}', s.outcome = 'Document'
            FROM said s WHERE s.name = 'document_id'
        UNION ALL SELECT s.ledger_id, 'model', s.value ->> 'model', false FROM said s WHERE s.name = 'model'
        UNION ALL SELECT s.ledger_id, 'model', one -> 'model' ->> 'model', false
            FROM said s, jsonb_array_elements(s.value) one WHERE s.name = 'consulted'
        UNION ALL SELECT c.ledger_id, 'document', c.document_id, false FROM changed c
        UNION ALL SELECT c.ledger_id, 'label', c.label::text, false FROM changed c
        UNION ALL SELECT c.ledger_id, 'label', (part -> 'label')::text, false
            FROM changed c, jsonb_array_elements(c.parts) part
    )
    SELECT ledger_thing(e.tenant, t.kind, t.name), min(a.sub), min(e.recorded_at), a.ledger_id, min(a.label_id),
           bool_or(t.shown)
    FROM things t JOIN ledger_acts a ON a.ledger_id = t.ledger_id JOIN ledger_entries e ON e.ledger_id = t.ledger_id
    WHERE t.name <> ''
    GROUP BY ledger_thing(e.tenant, t.kind, t.name), a.ledger_id
$$;

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
