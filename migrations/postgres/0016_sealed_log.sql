-- Records are written side by side; a sealer puts them in order afterwards, as the leaves of a Merkle tree (RFC 9162)
-- whose head it signs. Nobody waits for a chain, and no transaction left open keeps others' records from being sealed.

-- One role seals. It sees hashes and labels, and nothing of what was recorded.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'copilot_sealer') THEN
        CREATE ROLE copilot_sealer LOGIN NOSUPERUSER NOBYPASSRLS NOINHERIT;
    END IF;
    IF NOT pg_has_role(current_user, 'copilot_sealer', 'SET') THEN
        GRANT copilot_sealer TO CURRENT_USER;
    END IF;
END $$;

-- Committed, and no leaf yet. Rows are taken by their own number, given before they are committed: one that becomes
-- visible late is taken late, and holds up nobody.
CREATE TABLE ledger_unsealed (
    seq       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    noted_at  timestamptz NOT NULL DEFAULT now(),
    ledger_id text NOT NULL,
    label_id  int NOT NULL,
    hash      bytea NOT NULL
);

CREATE TABLE ledger_leaves (
    leaf_index bigint PRIMARY KEY CHECK (leaf_index >= 0),
    ledger_id  text NOT NULL UNIQUE,
    label_id   int NOT NULL REFERENCES labels,
    hash       bytea NOT NULL
);

-- Complete subtrees of 2**level leaves, from leaf index * 2**level on; those of level 0 are the leaves.
CREATE TABLE ledger_subtrees (
    level int NOT NULL CHECK (level > 0),
    index bigint NOT NULL,
    hash  bytea NOT NULL,
    PRIMARY KEY (level, index)
);

-- Each state that was signed, as a C2SP checkpoint.
CREATE TABLE ledger_checkpoints (
    size      bigint PRIMARY KEY CHECK (size > 0),
    root      bytea NOT NULL,
    note      bytea NOT NULL,
    sealed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- The keys that sign, each from a size of the log on.
CREATE TABLE ledger_keys (
    verifier_key text PRIMARY KEY,
    from_size    bigint NOT NULL,
    added_at     timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- What was chained until now is sealed first, in its order.
INSERT INTO ledger_unsealed (ledger_id, label_id, hash)
SELECT ledger_id, label_id, sha256('\x00'::bytea || leaf) FROM ledger_entries ORDER BY position;

ALTER TABLE ledger_openings DROP CONSTRAINT ledger_openings_ledger_id_fkey;
ALTER TABLE ledger_acts DROP CONSTRAINT ledger_acts_ledger_id_fkey;
ALTER TABLE answers DROP CONSTRAINT answers_ledger_id_fkey;
ALTER TABLE ledger_entries DROP COLUMN position, DROP COLUMN previous_hash, DROP COLUMN chain_hash, DROP COLUMN leaf_hash;
ALTER TABLE ledger_entries DROP CONSTRAINT ledger_entries_ledger_id_key;
ALTER TABLE ledger_entries ADD PRIMARY KEY (ledger_id);
CREATE INDEX ledger_entries_in_time ON ledger_entries (recorded_at, ledger_id);
DROP FUNCTION append_ledger_entry;

-- The only way in. The leaf's hash is taken here, so that what is sealed is what was written.
CREATE FUNCTION append_ledger_entries(
    ledger_ids text[], tenants text[], label_ids int[], ats timestamptz[], leaves bytea[]
) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    WITH given AS (
        SELECT * FROM unnest(ledger_ids, tenants, label_ids, ats, leaves)
            WITH ORDINALITY AS g (ledger_id, tenant, label_id, at, leaf, place)
    ), written AS (
        INSERT INTO ledger_entries (ledger_id, tenant, label_id, recorded_at, leaf)
        SELECT ledger_id, tenant, label_id, at, leaf FROM given
    )
    INSERT INTO ledger_unsealed (ledger_id, label_id, hash)
    SELECT ledger_id, label_id, sha256('\x00'::bytea || leaf) FROM given ORDER BY place
$$;
REVOKE ALL ON FUNCTION append_ledger_entries FROM PUBLIC;
GRANT EXECUTE ON FUNCTION append_ledger_entries TO copilot_ledger, copilot_writer;

ALTER TABLE ledger_unsealed ENABLE ROW LEVEL SECURITY;
CREATE POLICY sealed ON ledger_unsealed TO copilot_sealer USING (true);
GRANT SELECT, DELETE ON ledger_unsealed TO copilot_sealer;
ALTER TABLE ledger_leaves ENABLE ROW LEVEL SECURITY;
CREATE POLICY sealed ON ledger_leaves TO copilot_sealer USING (true) WITH CHECK (true);
CREATE POLICY in_scope ON ledger_leaves FOR SELECT TO copilot_auditor
    USING (label_id = ANY ((SELECT scope_label_ids())::int[]));
GRANT SELECT, INSERT ON ledger_leaves, ledger_subtrees, ledger_checkpoints, ledger_keys TO copilot_sealer;
GRANT SELECT ON ledger_leaves, ledger_checkpoints, ledger_keys TO copilot_auditor;

DO $$
DECLARE
    final text;
BEGIN
    FOREACH final IN ARRAY ARRAY['ledger_leaves', 'ledger_subtrees', 'ledger_checkpoints', 'ledger_keys']
    LOOP
        EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE OR DELETE ON %I
                        FOR EACH ROW EXECUTE FUNCTION refuse_ledger_change()', final || '_are_final', final);
        EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON %I
                        FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change()', final || '_stay', final);
    END LOOP;
END $$;
CREATE TRIGGER ledger_unsealed_are_final BEFORE UPDATE ON ledger_unsealed
FOR EACH ROW EXECUTE FUNCTION refuse_ledger_change();
CREATE TRIGGER ledger_unsealed_stay BEFORE TRUNCATE ON ledger_unsealed
FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();
