-- The keyword index in blocks. A chunk has an ordinal among those of its label, given once and never again; the
-- postings of a term lie together for each label and 1,024 ordinals, so that a common term is a few rows instead
-- of hundreds of thousands. An entry has five bytes, most significant first: the ordinal's place in the block (2),
-- the chunk's length in terms (2), how often the term stands in it (1); the last two no more than they can hold.

ALTER TABLE label_statistics ADD COLUMN next_ordinal int NOT NULL DEFAULT 0;

-- What a chunk consists of, by which it is weighed alone, and taken out of the blocks.
CREATE TABLE chunk_terms (
    chunk_id text PRIMARY KEY REFERENCES chunks ON DELETE CASCADE,
    label_id int NOT NULL REFERENCES labels,
    ordinal  int NOT NULL,
    length   int NOT NULL,
    terms    text[] NOT NULL,
    counts   int[] NOT NULL
);
CREATE UNIQUE INDEX chunk_terms_by_ordinal ON chunk_terms (label_id, ordinal) INCLUDE (chunk_id);

CREATE TABLE posting_blocks (
    term     text COLLATE "C" NOT NULL,
    label_id int NOT NULL REFERENCES labels,
    block    int NOT NULL,
    entries  bytea NOT NULL,
    PRIMARY KEY (term, label_id, block)
) WITH (toast_tuple_target = 8160);  -- A full block fits into a page: nothing is stored apart.
ALTER TABLE posting_blocks ALTER COLUMN entries SET STORAGE PLAIN;

CREATE FUNCTION posting_entry(ordinal int, length int, count int) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT substr(int4send(ordinal % 1024), 3, 2) || substr(int4send(least(length, 65535)), 3, 2)
        || substr(int4send(least(count, 255)), 4, 1)
$$;

INSERT INTO chunk_terms (chunk_id, label_id, ordinal, length, terms, counts)
SELECT c.chunk_id, c.label_id, row_number() OVER (PARTITION BY c.label_id ORDER BY c.chunk_id) - 1,
       coalesce(p.length, 0), coalesce(p.terms, '{}'), coalesce(p.counts, '{}')
FROM chunks c LEFT JOIN (
    SELECT chunk_id, max(length) AS length, array_agg(term ORDER BY term) AS terms,
           array_agg(tf ORDER BY term) AS counts
    FROM postings GROUP BY chunk_id
) p USING (chunk_id);
UPDATE label_statistics s SET next_ordinal = n.chunks
FROM (SELECT label_id, count(*) AS chunks FROM chunk_terms GROUP BY label_id) n WHERE n.label_id = s.label_id;
INSERT INTO posting_blocks (term, label_id, block, entries)
SELECT term, label_id, ordinal / 1024,
       string_agg(posting_entry(ordinal, length, count), ''::bytea ORDER BY ordinal)
FROM chunk_terms, unnest(terms, counts) AS held (term, count)
GROUP BY term, label_id, ordinal / 1024;
DROP TABLE postings;

-- Whatever takes a chunk out, its entries go with it.
CREATE FUNCTION strip_postings() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    UPDATE posting_blocks b SET entries = coalesce((
        SELECT string_agg(substr(b.entries, 5 * at + 1, 5), ''::bytea ORDER BY at)
        FROM generate_series(0, octet_length(b.entries) / 5 - 1) at
        WHERE 256 * get_byte(b.entries, 5 * at) + get_byte(b.entries, 5 * at + 1) <> ALL (gone.places)
    ), ''::bytea)
    FROM (
        SELECT term, label_id, ordinal / 1024 AS block, array_agg(ordinal % 1024) AS places
        FROM removed, unnest(terms) term GROUP BY 1, 2, 3
    ) gone
    WHERE b.term = gone.term AND b.label_id = gone.label_id AND b.block = gone.block;
    DELETE FROM posting_blocks b USING removed r, unnest(r.terms) held
    WHERE b.term = held AND b.label_id = r.label_id AND b.block = r.ordinal / 1024
      AND octet_length(b.entries) = 0;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION strip_postings FROM PUBLIC;
CREATE TRIGGER chunk_terms_strip_postings AFTER DELETE ON chunk_terms
REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION strip_postings();

CREATE FUNCTION empty_postings() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    TRUNCATE posting_blocks;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION empty_postings FROM PUBLIC;
CREATE TRIGGER chunk_terms_empty_postings AFTER TRUNCATE ON chunk_terms
FOR EACH STATEMENT EXECUTE FUNCTION empty_postings();

DO $$
DECLARE
    labelled text;
BEGIN
    FOREACH labelled IN ARRAY ARRAY['chunk_terms', 'posting_blocks']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', labelled);
        EXECUTE format(
            'CREATE POLICY in_scope ON %I TO copilot_reader, copilot_writer, copilot_auditor
             USING (label_id = ANY ((SELECT scope_label_ids())::int[]))', labelled);
    END LOOP;
END $$;
GRANT SELECT ON chunk_terms, posting_blocks TO copilot_reader;
GRANT SELECT, INSERT, DELETE ON chunk_terms TO copilot_writer;
GRANT SELECT, INSERT, UPDATE ON posting_blocks TO copilot_writer;

-- Vectors lie beside their row, where a search reads them without a detour.
ALTER TABLE chunks ALTER COLUMN embedding SET STORAGE PLAIN;
ALTER TABLE chunks SET (toast_tuple_target = 8160);
UPDATE chunks SET embedding = (embedding::real[])::vector;
