-- Four serving roles that own nothing. Roles are shared by all databases of a cluster, so each is
-- made only where it is missing.
DO $$
DECLARE
    role_name text;
BEGIN
    FOREACH role_name IN ARRAY
        ARRAY['copilot_reader', 'copilot_writer', 'copilot_ledger', 'copilot_auditor']
    LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
            EXECUTE format('CREATE ROLE %I LOGIN NOSUPERUSER NOBYPASSRLS NOINHERIT', role_name);
        END IF;
        -- An owner that is no superuser takes the roles on at connection time, and needs to be let.
        IF NOT pg_has_role(current_user, role_name, 'SET') THEN
            EXECUTE format('GRANT %I TO CURRENT_USER', role_name);
        END IF;
    END LOOP;
END $$;

-- Nobody who serves makes tables of their own: in a function of the owner they would stand before ours.
DO $$
BEGIN
    EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
END $$;
REVOKE EXECUTE ON FUNCTION raise_label_epoch, refuse_ledger_change FROM PUBLIC;

-- The scope of the transaction. Without one the cast of the empty setting fails: no scope, no rows.
CREATE FUNCTION scope_label_ids() RETURNS int[] LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT current_setting('copilot.label_ids')::int[]
$$;

GRANT SELECT ON labels, label_epochs TO copilot_reader, copilot_writer, copilot_ledger, copilot_auditor;
GRANT INSERT (tenant, canonical, value) ON labels TO copilot_writer, copilot_ledger;

GRANT SELECT ON documents, parts, chunks, sentences, postings, label_statistics, mentions, relations, answers
    TO copilot_reader;
GRANT SELECT, INSERT, UPDATE ON documents TO copilot_writer;
GRANT SELECT, INSERT, DELETE ON parts, chunks, sentences, postings, mentions, relations TO copilot_writer;
GRANT SELECT, INSERT, UPDATE ON label_statistics TO copilot_writer;

GRANT EXECUTE ON FUNCTION append_ledger_entry TO copilot_ledger, copilot_writer;
GRANT INSERT ON ledger_openings, ledger_acts, answers TO copilot_ledger;
GRANT INSERT ON ledger_openings, ledger_acts TO copilot_writer;
GRANT SELECT ON ledger_entries, ledger_openings, ledger_acts TO copilot_auditor;

DO $$
DECLARE
    labelled text;
BEGIN
    FOREACH labelled IN ARRAY ARRAY['documents', 'parts', 'chunks', 'sentences', 'postings', 'label_statistics',
        'mentions', 'relations', 'ledger_entries', 'ledger_openings', 'ledger_acts']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', labelled);
        EXECUTE format(
            'CREATE POLICY in_scope ON %I TO copilot_reader, copilot_writer, copilot_auditor
             USING (label_id = ANY ((SELECT scope_label_ids())::int[]))', labelled);
    END LOOP;
    FOREACH labelled IN ARRAY ARRAY['ledger_openings', 'ledger_acts']
    LOOP
        EXECUTE format(
            'CREATE POLICY recorded ON %I FOR INSERT TO copilot_ledger, copilot_writer
             WITH CHECK (true)', labelled);
    END LOOP;
END $$;

-- A stored answer may be read only by whoever may read all that it cites.
ALTER TABLE answers ENABLE ROW LEVEL SECURITY;
CREATE POLICY in_scope ON answers FOR SELECT TO copilot_reader
    USING (label_ids <@ (SELECT scope_label_ids())::int[]);
CREATE POLICY recorded ON answers FOR INSERT TO copilot_ledger WITH CHECK (true);
