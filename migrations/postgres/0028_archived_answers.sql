-- What an archive takes out of the ledger goes out of Neo4j as well, as any other change goes there.

-- Which leaves of archived months are taken out already.
ALTER TABLE provenance_projection ADD taken_out int8multirange NOT NULL DEFAULT '{}';
GRANT SELECT (taken_out), UPDATE (taken_out) ON provenance_projection TO copilot_projector;
GRANT SELECT (leaves) ON ledger_archives TO copilot_projector;
