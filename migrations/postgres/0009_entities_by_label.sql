-- Entities by label: in how many chunks of each label one is mentioned, and the words of its name. So the degree of a
-- name that stands everywhere is a few rows, and a word leads to entities instead of to each of their mentions. An
-- entity still has no row without a labelled mention; triggers keep these as the mentions are, whoever changes them.

CREATE TABLE entity_labels (
    entity_id text NOT NULL,
    label_id  int NOT NULL REFERENCES labels,
    key       text NOT NULL,
    chunks    int NOT NULL,
    PRIMARY KEY (entity_id, label_id)
);
CREATE TABLE name_tokens (
    token     text NOT NULL,
    label_id  int NOT NULL REFERENCES labels,
    entity_id text NOT NULL,
    key       text NOT NULL,
    words     int NOT NULL,  -- different ones of the key
    PRIMARY KEY (token, label_id, entity_id) INCLUDE (key, words)
);

CREATE FUNCTION different_words(key text) RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT count(DISTINCT word)::int FROM unnest(string_to_array(key, ' ')) word
$$;

CREATE FUNCTION count_mentions() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    -- All mentions of an entity in a chunk come in by one statement. In order, so that no two writers deadlock.
    INSERT INTO entity_labels AS e (entity_id, label_id, key, chunks)
    SELECT entity_id, label_id, min(key), count(DISTINCT chunk_id) FROM added
    GROUP BY entity_id, label_id ORDER BY entity_id, label_id
    ON CONFLICT (entity_id, label_id) DO UPDATE SET chunks = e.chunks + excluded.chunks;
    INSERT INTO name_tokens (token, label_id, entity_id, key, words)
    SELECT DISTINCT token, named.label_id, named.entity_id, named.key, named.words
    FROM (SELECT DISTINCT label_id, entity_id, key, different_words(key) AS words FROM added) named,
         unnest(string_to_array(named.key, ' ')) token
    WHERE token <> '' ORDER BY 1, 2, 3
    ON CONFLICT (token, label_id, entity_id) DO NOTHING;
    RETURN NULL;
END $$;

CREATE FUNCTION discount_mentions() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    UPDATE entity_labels e SET chunks = e.chunks - gone.chunks
    FROM (
        SELECT r.entity_id, r.label_id, count(DISTINCT r.chunk_id) AS chunks FROM removed r
        WHERE NOT EXISTS (
            SELECT FROM mentions m WHERE m.chunk_id = r.chunk_id AND m.entity_id = r.entity_id)
        GROUP BY r.entity_id, r.label_id
    ) gone
    WHERE e.entity_id = gone.entity_id AND e.label_id = gone.label_id;
    DELETE FROM name_tokens t USING removed r, entity_labels e
    WHERE e.entity_id = r.entity_id AND e.label_id = r.label_id AND e.chunks <= 0
      AND t.entity_id = e.entity_id AND t.label_id = e.label_id AND t.token = ANY (string_to_array(e.key, ' '));
    DELETE FROM entity_labels e USING removed r
    WHERE e.entity_id = r.entity_id AND e.label_id = r.label_id AND e.chunks <= 0;
    RETURN NULL;
END $$;

CREATE FUNCTION empty_entities() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    TRUNCATE entity_labels, name_tokens;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION count_mentions, discount_mentions, empty_entities FROM PUBLIC;

CREATE TRIGGER mentions_counted AFTER INSERT ON mentions
REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION count_mentions();
CREATE TRIGGER mentions_discounted AFTER DELETE ON mentions
REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION discount_mentions();
CREATE TRIGGER mentions_emptied AFTER TRUNCATE ON mentions
FOR EACH STATEMENT EXECUTE FUNCTION empty_entities();

INSERT INTO entity_labels (entity_id, label_id, key, chunks)
SELECT entity_id, label_id, min(key), count(DISTINCT chunk_id) FROM mentions GROUP BY entity_id, label_id;
INSERT INTO name_tokens (token, label_id, entity_id, key, words)
SELECT DISTINCT token, label_id, entity_id, key, different_words(key) FROM mention_tokens;
DROP TABLE mention_tokens;

CREATE OR REPLACE FUNCTION forget_title(of_key uuid) RETURNS void LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
    DELETE FROM mentions m USING chunks c, parts p
    WHERE m.in_title AND c.chunk_id = m.chunk_id AND p.part_id = c.part_id AND p.document_key = of_key;
    DELETE FROM definitions d USING chunks c, parts p
    WHERE d.in_title AND c.chunk_id = d.chunk_id AND p.part_id = c.part_id AND p.document_key = of_key
$$;

DO $$
DECLARE
    labelled text;
BEGIN
    FOREACH labelled IN ARRAY ARRAY['entity_labels', 'name_tokens']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', labelled);
        EXECUTE format(
            'CREATE POLICY in_scope ON %I TO copilot_reader
             USING (label_id = ANY ((SELECT scope_label_ids())::int[]))', labelled);
        EXECUTE format('GRANT SELECT ON %I TO copilot_reader', labelled);
    END LOOP;
END $$;
-- What the projection of the graph is compared with.
GRANT SELECT (token, label_id, entity_id) ON name_tokens TO copilot_projector;
CREATE POLICY projected ON name_tokens TO copilot_projector USING (true);
