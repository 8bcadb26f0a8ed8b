-- Row-level security looks each label up as a bit. To go through an array of a thousand labels for each row cost more
-- than to fetch the row.

-- The scope of the transaction, the bit of each label's id set. Without one there is no row.
CREATE FUNCTION scope_bits() RETURNS bytea LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT decode(current_setting('copilot.label_bits'), 'hex')
$$;

DO $$
DECLARE
    labelled text;
BEGIN
    FOREACH labelled IN ARRAY ARRAY['documents', 'parts', 'chunks', 'sentences', 'chunk_terms', 'posting_blocks',
        'label_statistics', 'definitions', 'mentions', 'entity_labels', 'name_tokens', 'relations', 'graph_outbox']
    LOOP
        EXECUTE format(
            'ALTER POLICY in_scope ON %I USING (CASE
                 WHEN label_id < 8 * (SELECT octet_length(scope_bits()))
                 THEN get_bit((SELECT scope_bits()), label_id) = 1 ELSE false END)', labelled);
    END LOOP;
END $$;
