-- Each change of the log's key, as the old key and the new one both signed it (a DSSE envelope): whoever holds one of the
-- keys finds the others. Written by the sealer that first holds both, in the transaction that names the new key.
CREATE TABLE ledger_rotations (
    old_key   text PRIMARY KEY REFERENCES ledger_keys,
    new_key   text NOT NULL UNIQUE REFERENCES ledger_keys,
    envelope  bytea NOT NULL,
    stated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK (old_key <> new_key)
);
GRANT SELECT, INSERT ON ledger_rotations TO copilot_sealer;
GRANT SELECT ON ledger_rotations TO copilot_auditor;
CREATE TRIGGER ledger_rotations_are_final BEFORE UPDATE OR DELETE ON ledger_rotations
FOR EACH ROW EXECUTE FUNCTION refuse_ledger_change();
CREATE TRIGGER ledger_rotations_stay BEFORE TRUNCATE ON ledger_rotations
FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();
