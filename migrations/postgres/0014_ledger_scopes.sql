-- A record names the labels that were open to its asker by the digest of their list. The list stands here, once for
-- each label of records that name it, so that whoever may not read such a record cannot read, or compare, its scope.
CREATE TABLE ledger_scopes (
    label_id int NOT NULL REFERENCES labels,
    sha256   bytea NOT NULL,
    value    bytea NOT NULL CHECK (sha256 = sha256(value)),
    PRIMARY KEY (label_id, sha256)
);
ALTER TABLE ledger_scopes ENABLE ROW LEVEL SECURITY;
CREATE POLICY in_scope ON ledger_scopes FOR SELECT TO copilot_auditor
    USING (label_id = ANY ((SELECT scope_label_ids())::int[]));
CREATE POLICY recorded ON ledger_scopes FOR INSERT TO copilot_ledger, copilot_writer WITH CHECK (true);
GRANT SELECT ON ledger_scopes TO copilot_auditor;
GRANT INSERT ON ledger_scopes TO copilot_ledger, copilot_writer;

CREATE TRIGGER ledger_scopes_are_final BEFORE UPDATE OR DELETE ON ledger_scopes
FOR EACH ROW EXECUTE FUNCTION refuse_ledger_change();
CREATE TRIGGER ledger_scopes_stay BEFORE TRUNCATE ON ledger_scopes
FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();

-- Whether all of these are there. Whoever writes records may ask this, and reads none.
CREATE FUNCTION ledger_scopes_are_stored(label_ids int[], digests bytea[]) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT NOT EXISTS (
        SELECT FROM unnest(label_ids, digests) AS named (label_id, sha256)
        WHERE NOT EXISTS (SELECT FROM ledger_scopes s
                          WHERE s.label_id = named.label_id AND s.sha256 = named.sha256))
$$;
REVOKE ALL ON FUNCTION ledger_scopes_are_stored FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger_scopes_are_stored TO copilot_ledger, copilot_writer;
