-- Governance that can be proved: labels apart by tenant, fences, revocations and break-glass.

-- The tenant of the transaction; set with the scope, empty where none is.
CREATE FUNCTION scope_tenant() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT current_setting('copilot.tenant')
$$;

ALTER TABLE labels ENABLE ROW LEVEL SECURITY;
CREATE POLICY of_tenant ON labels FOR SELECT
    TO copilot_reader, copilot_writer, copilot_ledger, copilot_auditor
    USING (tenant = (SELECT scope_tenant()) OR label_id = ANY ((SELECT scope_label_ids())::int[]));
CREATE POLICY interned ON labels FOR INSERT TO copilot_writer, copilot_ledger
    WITH CHECK (tenant = (SELECT scope_tenant()));

-- A restriction raises the tenant's epoch in its own transaction: scopes and catalogues of an earlier
-- epoch are not used once this one is seen. Everybody may read the number; it tells nothing.
CREATE FUNCTION raise_fence(of_tenant text) RETURNS void LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
    INSERT INTO label_epochs (tenant, epoch) VALUES (of_tenant, 1)
    ON CONFLICT (tenant) DO UPDATE SET epoch = label_epochs.epoch + 1
$$;
REVOKE ALL ON FUNCTION raise_fence FROM PUBLIC;
GRANT EXECUTE ON FUNCTION raise_fence TO copilot_writer, copilot_ledger;

-- Whose access is taken away, whatever their tokens say.
CREATE TABLE revocations (
    tenant     text NOT NULL,
    sub        text NOT NULL,
    reason     text NOT NULL,
    revoked_by text NOT NULL,
    revoked_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant, sub)
);

-- Break-glass: asked for by one person, open only once another has approved it, and not for long.
CREATE TABLE grants (
    grant_id     text PRIMARY KEY,
    tenant       text NOT NULL,
    sub          text NOT NULL,
    clearance    text NOT NULL,
    compartments text[] NOT NULL,
    authorities  text[] NOT NULL,
    reason       text NOT NULL,
    seconds      int NOT NULL CHECK (seconds BETWEEN 1 AND 14400),
    requested_at timestamptz NOT NULL DEFAULT now(),
    operator     text,  -- who acted as `sub` when it was asked for, where somebody did
    approved_by  text,
    approved_at  timestamptz,
    not_after    timestamptz,
    ended_by     text,
    ended_at     timestamptz,
    CHECK (approved_by IS NULL OR approved_by <> sub),
    CHECK ((approved_by IS NULL) = (not_after IS NULL) AND (approved_by IS NULL) = (approved_at IS NULL)),
    CHECK ((ended_by IS NULL) = (ended_at IS NULL)),
    CHECK (not_after <= approved_at + seconds * interval '1 second'),
    CHECK (not_after <= requested_at + interval '1 day')
);
CREATE INDEX grants_by_tenant ON grants (tenant, not_after);

GRANT SELECT ON revocations, grants TO copilot_reader, copilot_ledger;
GRANT INSERT, DELETE ON revocations TO copilot_ledger;
GRANT INSERT ON grants TO copilot_ledger;
GRANT UPDATE (approved_by, approved_at, not_after, ended_by, ended_at) ON grants TO copilot_ledger;

DO $$
DECLARE
    of_people text;
BEGIN
    FOREACH of_people IN ARRAY ARRAY['revocations', 'grants']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', of_people);
        EXECUTE format(
            'CREATE POLICY of_tenant ON %I TO copilot_reader, copilot_ledger
             USING (tenant = (SELECT scope_tenant())) WITH CHECK (tenant = (SELECT scope_tenant()))', of_people);
    END LOOP;
END $$;

-- Whoever writes of a person's standing raises the fence, also an owner who does it by hand.
CREATE FUNCTION raise_fence_of_people() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM raise_fence(coalesce(NEW.tenant, OLD.tenant));
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION raise_fence_of_people FROM PUBLIC;
CREATE TRIGGER revocations_raise_fence AFTER INSERT OR UPDATE OR DELETE ON revocations
FOR EACH ROW EXECUTE FUNCTION raise_fence_of_people();
CREATE TRIGGER grants_raise_fence AFTER INSERT OR UPDATE OR DELETE ON grants
FOR EACH ROW EXECUTE FUNCTION raise_fence_of_people();

-- The words of names. Row-level security admits an index only under operators that cannot tell what they see;
-- that of arrays could, equality of texts cannot.
CREATE TABLE mention_tokens (
    token     text NOT NULL,
    label_id  int NOT NULL REFERENCES labels,
    entity_id text NOT NULL,
    chunk_id  text NOT NULL REFERENCES chunks ON DELETE CASCADE,
    in_title  boolean NOT NULL,
    key       text NOT NULL,
    PRIMARY KEY (token, label_id, entity_id, chunk_id, in_title)
);
CREATE INDEX mention_tokens_by_chunk ON mention_tokens (chunk_id);
INSERT INTO mention_tokens (token, label_id, entity_id, chunk_id, in_title, key)
SELECT DISTINCT unnest(tokens), label_id, entity_id, chunk_id, in_title, key FROM mentions;
ALTER TABLE mentions DROP COLUMN tokens;
ALTER TABLE mention_tokens ENABLE ROW LEVEL SECURITY;
CREATE POLICY in_scope ON mention_tokens TO copilot_reader, copilot_writer, copilot_auditor
    USING (label_id = ANY ((SELECT scope_label_ids())::int[]));
GRANT SELECT ON mention_tokens TO copilot_reader;
GRANT SELECT, INSERT, DELETE ON mention_tokens TO copilot_writer;

-- Deleting a document takes the parts that the deleter may read. The row behind them goes with the last part;
-- while a hidden part hangs on it, it stays as an empty shell, which nothing shows.

-- Whoever changes the parts of a document holds its row, also where the row itself is hidden from them.
CREATE FUNCTION hold_document(of_key uuid) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM FROM documents WHERE document_key = of_key FOR UPDATE;
END $$;

CREATE FUNCTION drop_bare_document(of_key uuid) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM hold_document(of_key);  -- so that the next statement sees every part that was ever added
    DELETE FROM documents d WHERE d.document_key = of_key
    AND NOT EXISTS (SELECT FROM parts p WHERE p.document_key = d.document_key);
    RETURN FOUND;
END $$;

-- Takes a document's title, which whoever calls this may read and has taken away, out of the parts that stay.
CREATE FUNCTION forget_title(of_key uuid) RETURNS void LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
    DELETE FROM mentions m USING chunks c, parts p
    WHERE m.in_title AND c.chunk_id = m.chunk_id AND p.part_id = c.part_id AND p.document_key = of_key;
    DELETE FROM mention_tokens t USING chunks c, parts p
    WHERE t.in_title AND c.chunk_id = t.chunk_id AND p.part_id = c.part_id AND p.document_key = of_key
$$;
REVOKE ALL ON FUNCTION hold_document, drop_bare_document, forget_title FROM PUBLIC;
GRANT EXECUTE ON FUNCTION hold_document, drop_bare_document, forget_title TO copilot_writer;
