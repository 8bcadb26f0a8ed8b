-- Copies of the names in memory are kept in step by what each label has given and holds. Only the names of a title can
-- go without a chunk going; whoever holds a copy sees that by this number.
CREATE TABLE names_edition (edition bigint NOT NULL);
INSERT INTO names_edition VALUES (0);
GRANT SELECT ON names_edition TO copilot_reader;

CREATE OR REPLACE FUNCTION forget_title(of_key uuid) RETURNS void LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
    DELETE FROM mentions m USING chunks c, parts p
    WHERE m.in_title AND c.chunk_id = m.chunk_id AND p.part_id = c.part_id AND p.document_key = of_key;
    DELETE FROM definitions d USING chunks c, parts p
    WHERE d.in_title AND c.chunk_id = d.chunk_id AND p.part_id = c.part_id AND p.document_key = of_key;
    UPDATE names_edition SET edition = edition + 1;
$$;
