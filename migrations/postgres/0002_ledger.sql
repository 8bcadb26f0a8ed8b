-- The ledger: hash-linked leaves that hold commitments only, and beside them what these open to.

CREATE TABLE ledger_entries (
    position      bigint PRIMARY KEY,
    ledger_id     text NOT NULL UNIQUE,
    tenant        text NOT NULL,
    label_id      int NOT NULL REFERENCES labels,
    recorded_at   timestamptz NOT NULL,
    leaf          bytea NOT NULL,
    leaf_hash     bytea NOT NULL,
    previous_hash bytea NOT NULL,
    chain_hash    bytea NOT NULL
);

-- Erasing a row here deletes what was said; the commitment in the leaf still verifies.
CREATE TABLE ledger_openings (
    ledger_id text NOT NULL REFERENCES ledger_entries (ledger_id),
    name      text NOT NULL,
    label_id  int NOT NULL REFERENCES labels,
    salt      bytea NOT NULL,
    value     bytea NOT NULL,
    PRIMARY KEY (ledger_id, name)
);

-- What auditors filter by. It is derived from the openings and erased with them.
CREATE TABLE ledger_acts (
    ledger_id       text PRIMARY KEY REFERENCES ledger_entries (ledger_id),
    label_id        int NOT NULL REFERENCES labels,
    kind            text NOT NULL,
    sub             text NOT NULL,
    purpose         text NOT NULL,
    outcome         text NOT NULL,
    policy_revision text NOT NULL
);

CREATE TABLE answers (
    answer_id  text PRIMARY KEY,
    ledger_id  text NOT NULL UNIQUE REFERENCES ledger_entries (ledger_id),
    tenant     text NOT NULL,
    sub        text NOT NULL,
    label_ids  int[] NOT NULL,
    body       jsonb NOT NULL
);

-- The only way in: takes the lock, links to the last entry, never updates. The advisory lock orders
-- the chain; it is held to the end of the transaction, so the order of commits is the order of links.
CREATE FUNCTION append_ledger_entry(
    new_id text, new_tenant text, new_label int, new_at timestamptz, new_leaf bytea
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    last ledger_entries%ROWTYPE;
    before bytea := '\x0000000000000000000000000000000000000000000000000000000000000000';
BEGIN
    PERFORM pg_advisory_xact_lock(7210001);
    SELECT * INTO last FROM ledger_entries ORDER BY position DESC LIMIT 1;
    IF FOUND THEN
        before := last.chain_hash;
    END IF;
    INSERT INTO ledger_entries VALUES (
        coalesce(last.position, 0) + 1, new_id, new_tenant, new_label, new_at, new_leaf,
        sha256(new_leaf), before, sha256(before || sha256(new_leaf))
    );
END $$;
REVOKE ALL ON FUNCTION append_ledger_entry FROM PUBLIC;

CREATE FUNCTION refuse_ledger_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is append-only';
END $$;
CREATE TRIGGER ledger_entries_are_final BEFORE UPDATE OR DELETE ON ledger_entries
FOR EACH ROW EXECUTE FUNCTION refuse_ledger_change();
CREATE TRIGGER ledger_entries_stay BEFORE TRUNCATE ON ledger_entries
FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();
