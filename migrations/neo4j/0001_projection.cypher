// The projection of the graph. Every node is of one label, and bears its id: an entity that passages of three labels
// name is three nodes, so that no hop meets what lies outside the reader's scope. Community edition: no node keys.

CREATE CONSTRAINT projection_is_one IF NOT EXISTS FOR (p:Projection) REQUIRE p.name IS UNIQUE;
CREATE CONSTRAINT chunk_id IF NOT EXISTS FOR (c:Chunk) REQUIRE c.chunk_id IS UNIQUE;
CREATE INDEX chunks_by_part IF NOT EXISTS FOR (c:Chunk) ON (c.part_id);
CREATE CONSTRAINT entity_of_label IF NOT EXISTS FOR (e:Entity) REQUIRE (e.entity_id, e.label_id) IS UNIQUE;
CREATE INDEX entities_by_id IF NOT EXISTS FOR (e:Entity) ON (e.entity_id);
CREATE CONSTRAINT name_of_label IF NOT EXISTS FOR (n:Name) REQUIRE (n.key, n.label_id) IS UNIQUE;
CREATE INDEX names_by_key IF NOT EXISTS FOR (n:Name) ON (n.key);
CREATE CONSTRAINT word_of_label IF NOT EXISTS FOR (w:Word) REQUIRE (w.token, w.label_id) IS UNIQUE;
CREATE INDEX words_by_token IF NOT EXISTS FOR (w:Word) ON (w.token);
CREATE INDEX relations_by_part IF NOT EXISTS FOR ()-[r:RELATED]-() ON (r.part_id);
