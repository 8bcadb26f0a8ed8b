-- What was asked and answered is projected into Neo4j as well: from the sealed log, leaf by leaf, so that whoever
-- writes records does no more than before. What an erasure takes is looked at again with the leaf of its own record.

-- How far the log is carried over. The salt goes into the ids of investigations, and no role reads it: whoever has
-- Neo4j alone can try no reason against them.
CREATE TABLE provenance_projection (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    done_to  bigint NOT NULL DEFAULT -1,
    salt     text NOT NULL DEFAULT gen_random_uuid()::text || gen_random_uuid()::text
);
INSERT INTO provenance_projection DEFAULT VALUES;

-- Which passages the answers in Neo4j cite, for those that come there, or come back, after the answer.
CREATE TABLE provenance_cites (
    ledger_id text NOT NULL,
    chunk_id  text NOT NULL,
    answer_id text NOT NULL,
    PRIMARY KEY (ledger_id, chunk_id)
);
CREATE INDEX provenance_cites_by_chunk ON provenance_cites (chunk_id);
CREATE INDEX erased_openings_by_record ON erased_openings (recorded);

-- What is projected of these records, as they are now: ids, hashes, labels and times. Nothing of one that is not
-- sealed, that only began a question, or whose act was erased. Names of models are cut, so that any index takes them.
CREATE FUNCTION provenance_of(ledger_ids text[]) RETURNS TABLE (
    ledger_id text, label_id int, tenant text, leaf_hash text, recorded_at timestamptz, outcome text,
    policy_revision text, investigation_id text, case_id text, models jsonb, answer_id text, chunk_ids text[]
) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT e.ledger_id, e.label_id, e.tenant, encode(l.hash, 'hex'), e.recorded_at, a.outcome, a.policy_revision,
           encode(sha256(convert_to(i.case_id || ' ' || e.label_id, 'UTF8')), 'hex'), i.case_id, m.models, n.answer_id,
           ARRAY (
               SELECT DISTINCT cited #>> '{}' FROM ledger_openings o, jsonb_path_query(
                   ledger_legible(convert_from(o.value, 'UTF8'))::jsonb, '$[*].citations[*].chunk_id') cited
               WHERE o.ledger_id = e.ledger_id AND o.name = 'answer' AND n.answer_id IS NOT NULL ORDER BY 1)
    FROM (SELECT DISTINCT w.id FROM unnest(ledger_ids) AS w (id)) wanted
    JOIN ledger_leaves l ON l.ledger_id = wanted.id
    JOIN ledger_entries e ON e.ledger_id = wanted.id
    JOIN ledger_acts a ON a.ledger_id = wanted.id AND a.kind = 'ask' AND a.outcome <> ALL ('{Opened,Consulting}')
    LEFT JOIN ledger_openings act ON act.ledger_id = wanted.id AND act.name = 'act'
    LEFT JOIN answers n ON n.ledger_id = wanted.id
    CROSS JOIN provenance_projection p
    CROSS JOIN LATERAL (
        SELECT encode(sha256(convert_to(p.salt || jsonb_build_array(e.tenant, a.purpose,
            coalesce(ledger_legible(convert_from(act.value, 'UTF8'))::jsonb ->> 'reason', ''))::text, 'UTF8')), 'hex')
            AS case_id
    ) i
    CROSS JOIN LATERAL (
        SELECT coalesce(jsonb_agg(DISTINCT jsonb_build_object(
            'provider', left(used ->> 'provider', 200), 'name', left(used ->> 'model', 200))), '[]') AS models
        FROM ledger_openings o, jsonb_path_query(ledger_legible(convert_from(o.value, 'UTF8'))::jsonb,
            CASE o.name WHEN 'model' THEN '$'::jsonpath ELSE '$[*].model' END) used
        WHERE o.ledger_id = wanted.id AND o.name IN ('model', 'consulted') AND used ->> 'model' <> ''
    ) m
    ORDER BY e.ledger_id
$$;
REVOKE ALL ON FUNCTION provenance_of FROM PUBLIC;
GRANT EXECUTE ON FUNCTION provenance_of TO copilot_projector;

GRANT SELECT (only_one, done_to), UPDATE (done_to) ON provenance_projection TO copilot_projector;
GRANT SELECT, INSERT, DELETE ON provenance_cites TO copilot_projector;
GRANT SELECT (leaf_index, ledger_id) ON ledger_leaves TO copilot_projector;
GRANT SELECT (size, sealed_at) ON ledger_checkpoints TO copilot_projector;
GRANT SELECT (ledger_id, recorded) ON erased_openings TO copilot_projector;
CREATE POLICY projected ON ledger_leaves FOR SELECT TO copilot_projector USING (true);
CREATE POLICY projected ON erased_openings FOR SELECT TO copilot_projector USING (true);
