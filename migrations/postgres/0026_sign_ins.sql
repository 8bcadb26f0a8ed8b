-- Which tokens have been recorded as signed in, by their hashes, until they expire.
CREATE TABLE sign_ins (
    digest     bytea PRIMARY KEY,
    expires_at timestamptz NOT NULL
);
CREATE INDEX sign_ins_by_end ON sign_ins (expires_at);

-- Whether it is the first time. Whoever comes with the same token meanwhile waits for this transaction.
CREATE FUNCTION note_sign_in(of_digest bytea, until timestamptz) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    DELETE FROM sign_ins WHERE digest IN (
        SELECT digest FROM sign_ins WHERE expires_at < now() LIMIT 100 FOR UPDATE SKIP LOCKED);
    INSERT INTO sign_ins VALUES (of_digest, until) ON CONFLICT DO NOTHING;
    RETURN FOUND;
END $$;
REVOKE ALL ON FUNCTION note_sign_in FROM PUBLIC;
GRANT EXECUTE ON FUNCTION note_sign_in TO copilot_ledger;
