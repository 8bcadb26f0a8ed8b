-- The graph in Neo4j is a projection of what stands here. Whatever changes content says so in an outbox, in the
-- same transaction; a projector brings the parts named there to what they are now, and takes the rows away.

-- The projector reads the names of every label and no text, embedding or title: it has columns, not tables. It is
-- a role of its own, since a reader sees the labels of one scope, and all that there is to read in them.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'copilot_projector') THEN
        CREATE ROLE copilot_projector LOGIN NOSUPERUSER NOBYPASSRLS NOINHERIT;
    END IF;
    IF NOT pg_has_role(current_user, 'copilot_projector', 'SET') THEN
        GRANT copilot_projector TO CURRENT_USER;
    END IF;
END $$;

-- 'off': there is no projection, and nothing is noted, so that an installation without Neo4j gathers no rows.
-- 'filling': it is being filled, part by part up to `filled_to`; nobody reads it. 'kept': the outbox keeps it.
-- `token` is the transaction that last wrote the projection: a Neo4j that has seen less is not read.
CREATE TABLE graph_projection (
    only_one   boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    state      text NOT NULL CHECK (state IN ('off', 'filling', 'kept')),
    generation uuid NOT NULL DEFAULT gen_random_uuid(),
    filled_to  text NOT NULL DEFAULT '',
    token      bigint NOT NULL DEFAULT 0
);
INSERT INTO graph_projection (state) VALUES ('off');

-- Rows are taken by their own number and never by a watermark: numbers are given before transactions commit, and a
-- row that becomes visible late is found like any other. The order of rows does not matter either, since a row says
-- which part to look at and not what to do. A restriction need therefore not wait for whoever began before it.
CREATE TABLE graph_outbox (
    seq      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    noted_at timestamptz NOT NULL DEFAULT now(),
    tenant   text NOT NULL,
    label_id int NOT NULL,
    part_id  text NOT NULL,
    what     text NOT NULL CHECK (what IN ('added', 'removed', 'names removed'))
);
CREATE INDEX graph_outbox_restrictions ON graph_outbox (label_id) WHERE what <> 'added';

CREATE FUNCTION note_parts_for_graph() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM graph_projection WHERE state <> 'off') THEN
        RETURN NULL;
    END IF;
    INSERT INTO graph_outbox (tenant, label_id, part_id, what)
    SELECT l.tenant, c.label_id, c.part_id, CASE TG_OP WHEN 'DELETE' THEN 'removed' ELSE 'added' END
    FROM changed c JOIN labels l ON l.label_id = c.label_id;
    RETURN NULL;
END $$;
CREATE TRIGGER parts_added AFTER INSERT ON parts REFERENCING NEW TABLE AS changed
FOR EACH STATEMENT EXECUTE FUNCTION note_parts_for_graph();
CREATE TRIGGER parts_removed AFTER DELETE ON parts REFERENCING OLD TABLE AS changed
FOR EACH STATEMENT EXECUTE FUNCTION note_parts_for_graph();

-- Names taken out of parts that stay, such as those of a title that is forgotten. Of a part that goes as a whole the
-- chunks have gone before, so that it is noted once.
CREATE FUNCTION note_names_for_graph() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM graph_projection WHERE state <> 'off') THEN
        RETURN NULL;
    END IF;
    INSERT INTO graph_outbox (tenant, label_id, part_id, what)
    SELECT DISTINCT l.tenant, p.label_id, p.part_id, 'names removed'
    FROM changed g JOIN chunks c ON c.chunk_id = g.chunk_id JOIN parts p ON p.part_id = c.part_id
    JOIN labels l ON l.label_id = p.label_id;
    RETURN NULL;
END $$;
CREATE TRIGGER names_removed AFTER DELETE ON mentions REFERENCING OLD TABLE AS changed
FOR EACH STATEMENT EXECUTE FUNCTION note_names_for_graph();
CREATE TRIGGER names_removed AFTER DELETE ON definitions REFERENCING OLD TABLE AS changed
FOR EACH STATEMENT EXECUTE FUNCTION note_names_for_graph();

-- An owner who empties a table fires no trigger for its rows: the projection is then filled anew.
CREATE FUNCTION refill_graph() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    UPDATE graph_projection SET state = 'filling', filled_to = '' WHERE state <> 'off';
    RETURN NULL;
END $$;
CREATE TRIGGER parts_emptied AFTER TRUNCATE ON parts FOR EACH STATEMENT EXECUTE FUNCTION refill_graph();

-- Begins to fill. What is noted by now will be read with the parts. Where nothing was noted yet, whoever is changing
-- content now would not be: they are waited for, and who comes after them notes.
CREATE FUNCTION fill_graph() RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp SET lock_timeout = '4s' AS $$
BEGIN
    IF EXISTS (SELECT FROM graph_projection WHERE state = 'off') THEN
        LOCK TABLE parts, mentions, definitions IN SHARE ROW EXCLUSIVE MODE;
    END IF;
    DELETE FROM graph_outbox;
    UPDATE graph_projection SET state = 'filling', generation = gen_random_uuid(), filled_to = '';
END $$;

REVOKE ALL ON FUNCTION note_parts_for_graph, note_names_for_graph, refill_graph, fill_graph FROM PUBLIC;
GRANT EXECUTE ON FUNCTION fill_graph TO copilot_projector;
GRANT SELECT ON graph_projection TO copilot_reader, copilot_projector;
GRANT UPDATE (state, filled_to, token) ON graph_projection TO copilot_projector;

-- A reader asks whether restrictions of their own labels wait, and sees no row of others.
ALTER TABLE graph_outbox ENABLE ROW LEVEL SECURITY;
GRANT SELECT (label_id, what) ON graph_outbox TO copilot_reader;
CREATE POLICY in_scope ON graph_outbox FOR SELECT TO copilot_reader
    USING (label_id = ANY ((SELECT scope_label_ids())::int[]));
GRANT SELECT, DELETE ON graph_outbox TO copilot_projector;

GRANT SELECT (document_key, tenant) ON documents TO copilot_projector;
GRANT SELECT (part_id, document_key, label_id) ON parts TO copilot_projector;
GRANT SELECT (chunk_id, part_id, label_id) ON chunks TO copilot_projector;
GRANT SELECT (entity_id, chunk_id, label_id, key) ON mentions TO copilot_projector;
GRANT SELECT (token, label_id, entity_id, chunk_id) ON mention_tokens TO copilot_projector;
GRANT SELECT (key, label_id, chunk_id) ON definitions TO copilot_projector;
GRANT SELECT (relation_id, chunk_id, label_id, type, source_id, source_name, target_id, target_name)
    ON relations TO copilot_projector;
DO $$
DECLARE
    projected text;
BEGIN
    FOREACH projected IN ARRAY ARRAY['graph_outbox', 'documents', 'parts', 'chunks', 'mentions', 'mention_tokens',
        'definitions', 'relations']
    LOOP
        EXECUTE format('CREATE POLICY projected ON %I TO copilot_projector USING (true)', projected);
    END LOOP;
END $$;
