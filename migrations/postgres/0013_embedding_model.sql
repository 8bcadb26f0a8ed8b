-- Whose vectors the store holds: one row, from the first of them on. Nothing here says what they are of.
CREATE TABLE embedding_model (
    one       boolean PRIMARY KEY DEFAULT true CHECK (one),
    name      text NOT NULL,
    dimension int NOT NULL,
    sha256    text NOT NULL
);
GRANT SELECT ON embedding_model TO copilot_reader, copilot_writer;
GRANT INSERT ON embedding_model TO copilot_writer;

-- Until now there was one model.
INSERT INTO embedding_model (name, dimension, sha256)
SELECT 'all-MiniLM-L6-v2', 384, 'd26973f6c733490cb728b653b3cd6278c59f9a367370b8c2fa056d675970ec47'
WHERE EXISTS (SELECT FROM chunks);

-- The dimension is the model's, and another model's vectors may come to lie beside those that are searched: in the
-- same rows, so that labels, row-level security and deletion hold for them without a word. No table is rewritten.
ALTER TABLE chunks ALTER COLUMN embedding TYPE vector, ADD COLUMN next_embedding vector;
ALTER TABLE sentences ALTER COLUMN embedding TYPE halfvec, ADD COLUMN next_embedding halfvec;
-- Both may be long; then the later one lies outside the page.
ALTER TABLE chunks ALTER COLUMN next_embedding SET STORAGE EXTERNAL;

-- The model that a re-embedding is on the way to, and how far it is.
CREATE TABLE embedding_job (
    one        boolean PRIMARY KEY DEFAULT true CHECK (one),
    name       text NOT NULL,
    dimension  int NOT NULL,
    sha256     text NOT NULL,
    switched   boolean NOT NULL DEFAULT false,
    started_at timestamptz NOT NULL DEFAULT now()
);
