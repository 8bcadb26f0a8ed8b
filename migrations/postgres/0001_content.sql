-- Content: documents, their single-label parts, chunks, postings, mentions, relations.
-- Every row that a search can touch carries a label_id, and row-level security checks it a second time.

CREATE EXTENSION IF NOT EXISTS vector;

CREATE TABLE labels (
    label_id  int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant    text NOT NULL,
    canonical text NOT NULL UNIQUE,
    value     jsonb NOT NULL
);

-- One epoch for each tenant: whoever has seen this number has seen every label and every restriction.
CREATE TABLE label_epochs (
    tenant text PRIMARY KEY,
    epoch  bigint NOT NULL
);

CREATE FUNCTION raise_label_epoch() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO label_epochs (tenant, epoch) VALUES (NEW.tenant, 1)
    ON CONFLICT (tenant) DO UPDATE SET epoch = label_epochs.epoch + 1;
    RETURN NULL;
END $$;

CREATE TRIGGER labels_raise_epoch AFTER INSERT ON labels
FOR EACH ROW EXECUTE FUNCTION raise_label_epoch();

CREATE TABLE documents (
    document_key   uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    document_id    text NOT NULL,
    tenant         text NOT NULL,
    label_id       int NOT NULL REFERENCES labels,
    title          text NOT NULL,
    source         text NOT NULL,
    metadata       jsonb NOT NULL,
    content_sha256 text NOT NULL,
    ingested_by    text NOT NULL,
    ingested_at    timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant, document_id, label_id)
);

CREATE TABLE parts (
    part_id      text PRIMARY KEY,
    document_key uuid NOT NULL REFERENCES documents ON DELETE CASCADE,
    label_id     int NOT NULL REFERENCES labels,
    position     int NOT NULL,
    text         text NOT NULL
);
CREATE INDEX parts_by_document ON parts (document_key);

CREATE TABLE chunks (
    chunk_id  text PRIMARY KEY,
    part_id   text NOT NULL REFERENCES parts ON DELETE CASCADE,
    label_id  int NOT NULL REFERENCES labels,
    start_at  int NOT NULL,
    end_at    int NOT NULL,
    text      text NOT NULL,
    embedding vector(384) NOT NULL
);
CREATE INDEX chunks_by_part ON chunks (part_id);
CREATE INDEX chunks_by_label ON chunks (label_id);

-- The sentences of a chunk with their own vectors: what relevance weighs, computed once.
CREATE TABLE sentences (
    chunk_id  text NOT NULL REFERENCES chunks ON DELETE CASCADE,
    label_id  int NOT NULL REFERENCES labels,
    start_at  int NOT NULL,
    end_at    int NOT NULL,
    embedding halfvec(384) NOT NULL,
    PRIMARY KEY (chunk_id, start_at)
);

CREATE TABLE postings (
    term     text NOT NULL,
    label_id int NOT NULL,
    chunk_id text NOT NULL REFERENCES chunks ON DELETE CASCADE,
    tf       int NOT NULL,
    length   int NOT NULL,
    PRIMARY KEY (term, label_id, chunk_id)
);
CREATE INDEX postings_by_chunk ON postings (chunk_id);

-- Sums for each label, added up over a scope at query time, so that no hidden chunk weighs on BM25.
CREATE TABLE label_statistics (
    label_id int PRIMARY KEY REFERENCES labels,
    chunks   bigint NOT NULL,
    terms    bigint NOT NULL
);

-- An entity has no row of its own: its names exist only as labelled mentions.
CREATE TABLE mentions (
    entity_id text NOT NULL,
    chunk_id  text NOT NULL REFERENCES chunks ON DELETE CASCADE,
    label_id  int NOT NULL,
    kind      text NOT NULL,
    key       text NOT NULL,
    tokens    text[] NOT NULL,
    surface   text NOT NULL,
    start_at  int NOT NULL,
    end_at    int NOT NULL,
    in_title  boolean NOT NULL
);
CREATE INDEX mentions_by_entity ON mentions (entity_id, label_id);
CREATE INDEX mentions_by_chunk ON mentions (chunk_id);
CREATE INDEX mentions_by_token ON mentions USING gin (tokens);

CREATE TABLE relations (
    relation_id text PRIMARY KEY,
    chunk_id    text NOT NULL REFERENCES chunks ON DELETE CASCADE,
    label_id    int NOT NULL,
    type        text NOT NULL,
    source_id   text NOT NULL,
    source_name text NOT NULL,
    target_id   text NOT NULL,
    target_name text NOT NULL,
    start_at    int NOT NULL,
    end_at      int NOT NULL,
    properties  jsonb NOT NULL
);
CREATE INDEX relations_by_source ON relations (source_id, label_id);
CREATE INDEX relations_by_target ON relations (target_id, label_id);
CREATE INDEX relations_by_chunk ON relations (chunk_id);
