-- name: current
SELECT name, dimension, sha256 FROM embedding_model
-- name: claim
INSERT INTO embedding_model (name, dimension, sha256) VALUES (%(name)s, %(dimension)s, %(sha256)s)
ON CONFLICT DO NOTHING
