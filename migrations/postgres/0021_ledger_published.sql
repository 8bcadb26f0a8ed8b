-- Which checkpoints lie outside of this database, where, and since when; with what a witness signed of them.
CREATE TABLE ledger_published (
    destination  text NOT NULL,
    size         bigint NOT NULL REFERENCES ledger_checkpoints,
    published_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    cosignatures text[] NOT NULL,
    PRIMARY KEY (destination, size)
);
GRANT SELECT, INSERT ON ledger_published TO copilot_sealer;
GRANT SELECT ON ledger_published TO copilot_auditor;
CREATE TRIGGER ledger_published_are_final BEFORE UPDATE OR DELETE ON ledger_published
FOR EACH ROW EXECUTE FUNCTION refuse_ledger_change();
CREATE TRIGGER ledger_published_stay BEFORE TRUNCATE ON ledger_published
FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();
