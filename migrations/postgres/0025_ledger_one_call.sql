-- One call writes records whole. Whoever serves inserts into none of the tables themselves, so that nobody adds to a record that is
-- there; and each statement less is what writing several records costs.
DROP FUNCTION note_ledger_acts, append_ledger_entries;

-- In their order. A label that is not stored is none here, and the entry is refused. The leaf's hash is taken here, so that what is
-- sealed is what was written.
CREATE FUNCTION append_ledger_entries(given json) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    WITH records AS MATERIALIZED (
        SELECT g.ledger_id, g.tenant, g.at, g.kind, g.sub, g.purpose, g.outcome, g.policy_revision, g.openings, g.place,
               convert_to(g.leaf, 'UTF8') AS leaf, (SELECT l.label_id FROM labels l WHERE l.label_id = g.label_id) AS label_id
        FROM ROWS FROM (json_to_recordset(given) AS (
            ledger_id text, tenant text, label_id int, at timestamptz, leaf text, kind text, sub text, purpose text,
            outcome text, policy_revision text, openings json)) WITH ORDINALITY AS g (
            ledger_id, tenant, label_id, at, leaf, kind, sub, purpose, outcome, policy_revision, openings, place)
    ), entries AS (
        INSERT INTO ledger_entries (ledger_id, tenant, label_id, recorded_at, leaf)
        SELECT ledger_id, tenant, label_id, at, leaf FROM records
    ), unsealed AS (
        INSERT INTO ledger_unsealed (ledger_id, label_id, hash)
        SELECT ledger_id, label_id, sha256('\x00'::bytea || leaf) FROM records ORDER BY place
    ), openings AS (
        INSERT INTO ledger_openings (ledger_id, label_id, recorded_at, name, salt, value)
        SELECT r.ledger_id, r.label_id, r.at, o.name, decode(o.salt, 'hex'), convert_to(o.value, 'UTF8')
        FROM records r CROSS JOIN json_to_recordset(r.openings) AS o (name text, salt text, value text)
    ), timeline AS (
        INSERT INTO ledger_timeline (tenant, sub, kind, outcome, recorded_at, ledger_id, label_id)
        SELECT tenant, sub, kind, outcome, at, ledger_id, label_id FROM records
    )
    INSERT INTO ledger_acts (ledger_id, label_id, recorded_at, kind, sub, purpose, outcome, policy_revision)
    SELECT ledger_id, label_id, at, kind, sub, purpose, outcome, policy_revision FROM records;
END $$;
REVOKE ALL ON FUNCTION append_ledger_entries FROM PUBLIC;
GRANT EXECUTE ON FUNCTION append_ledger_entries TO copilot_ledger, copilot_writer;
