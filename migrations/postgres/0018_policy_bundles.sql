-- Every policy that has ever decided: its rules and the WASM that was built from them, so that a recorded decision can
-- be made again years later. Records name a bundle by its digest. '' owns the release's; a tenant its own.
CREATE TABLE policy_bundles (
    tenant  text NOT NULL,
    sha256  bytea NOT NULL,
    rules   text NOT NULL CHECK (rules ~ '^[0-9a-f]{64}$'),  -- the hash over the sources
    sources bytea NOT NULL,
    wasm    bytea NOT NULL,
    kept_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant, sha256),
    CHECK (sha256 = sha256(convert_to(rules, 'UTF8') || '\x00'::bytea || wasm))
);
ALTER TABLE policy_bundles ENABLE ROW LEVEL SECURITY;
CREATE POLICY of_tenant ON policy_bundles FOR SELECT TO copilot_ledger, copilot_auditor
    USING (tenant = '' OR tenant = (SELECT scope_tenant()));
CREATE POLICY kept ON policy_bundles FOR INSERT TO copilot_ledger
    WITH CHECK (tenant = '' OR tenant = (SELECT scope_tenant()));
GRANT SELECT ON policy_bundles TO copilot_auditor;
GRANT SELECT (tenant, sha256), INSERT ON policy_bundles TO copilot_ledger;

CREATE TRIGGER policy_bundles_are_final BEFORE UPDATE OR DELETE ON policy_bundles
FOR EACH ROW EXECUTE FUNCTION refuse_ledger_change();
CREATE TRIGGER policy_bundles_stay BEFORE TRUNCATE ON policy_bundles
FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();
