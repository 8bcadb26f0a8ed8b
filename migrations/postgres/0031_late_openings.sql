-- What is not kept of a question whose contexts are erased while it is asked, until a record names it: nobody who verifies
-- the log would else know why it is gone.
CREATE TABLE late_openings (
    ledger_id text PRIMARY KEY,
    label_id  int NOT NULL,
    names     text[] NOT NULL
);
ALTER TABLE late_openings ENABLE ROW LEVEL SECURITY;

-- As in 0024; and what it takes out is noted.
CREATE OR REPLACE FUNCTION strip_late_openings() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(7210020);
    IF EXISTS (SELECT FROM erased_chunks) THEN
        WITH stripped AS (
            DELETE FROM ledger_openings o
            WHERE o.ledger_id = NEW.ledger_id AND o.recorded_at = NEW.recorded_at
              AND o.name IN ('contexts', 'answer', 'dropped', 'recheck_dropped', 'consulted')
              AND EXISTS (
                SELECT FROM ledger_openings c, cited_chunks(convert_from(c.value, 'UTF8')) cited
                JOIN erased_chunks g ON g.chunk_id = cited
                WHERE c.ledger_id = NEW.ledger_id AND c.recorded_at = NEW.recorded_at
                  AND c.name IN ('contexts', 'answer', 'recheck_dropped')
                  AND NOT EXISTS (SELECT FROM chunks k WHERE k.chunk_id = cited))
            RETURNING o.name
        )
        INSERT INTO late_openings (ledger_id, label_id, names)
        SELECT NEW.ledger_id, NEW.label_id, array_agg(name ORDER BY name) FROM stripped HAVING count(*) > 0;
    END IF;
    RETURN NULL;
END $$;

-- In the transaction that records them: with the label that covers each.
CREATE FUNCTION take_late_openings() RETURNS TABLE (ledger_id text, names text[], tenant text, label jsonb)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    WITH taken AS (DELETE FROM late_openings RETURNING ledger_id, label_id, names)
    SELECT t.ledger_id, t.names, l.tenant, l.value FROM taken t JOIN labels l ON l.label_id = t.label_id ORDER BY t.ledger_id
$$;
REVOKE ALL ON FUNCTION take_late_openings FROM PUBLIC;
GRANT EXECUTE ON FUNCTION take_late_openings TO copilot_ledger;
