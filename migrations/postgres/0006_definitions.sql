-- The names that a chunk is about: its title's, and what its first sentence defines. Links between passages are
-- looked up among these at query time, within the scope, so that none is ever kept across labels.

CREATE TABLE definitions (
    key      text NOT NULL,
    label_id int NOT NULL,
    chunk_id text NOT NULL REFERENCES chunks ON DELETE CASCADE,
    in_title boolean NOT NULL,
    PRIMARY KEY (key, label_id, chunk_id, in_title)
);
CREATE INDEX definitions_by_chunk ON definitions (chunk_id);
-- What was taken in before has the names of its titles; taking it in again adds the rest.
INSERT INTO definitions (key, label_id, chunk_id, in_title)
SELECT DISTINCT key, label_id, chunk_id, true FROM mentions WHERE in_title;
ALTER TABLE definitions ENABLE ROW LEVEL SECURITY;
CREATE POLICY in_scope ON definitions TO copilot_reader, copilot_writer, copilot_auditor
    USING (label_id = ANY ((SELECT scope_label_ids())::int[]));
GRANT SELECT ON definitions TO copilot_reader;
GRANT SELECT, INSERT, DELETE ON definitions TO copilot_writer;

CREATE OR REPLACE FUNCTION forget_title(of_key uuid) RETURNS void LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
    DELETE FROM mentions m USING chunks c, parts p
    WHERE m.in_title AND c.chunk_id = m.chunk_id AND p.part_id = c.part_id AND p.document_key = of_key;
    DELETE FROM mention_tokens t USING chunks c, parts p
    WHERE t.in_title AND c.chunk_id = t.chunk_id AND p.part_id = c.part_id AND p.document_key = of_key;
    DELETE FROM definitions d USING chunks c, parts p
    WHERE d.in_title AND c.chunk_id = d.chunk_id AND p.part_id = c.part_id AND p.document_key = of_key
$$;
