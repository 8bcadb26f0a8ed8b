// name: clear
MATCH (passage:BenchPassage) CALL (passage) { DETACH DELETE passage } IN TRANSACTIONS OF 1000 ROWS
// name: drop_vectors
DROP INDEX bench_passage_vectors IF EXISTS
// name: drop_texts
DROP INDEX bench_passage_texts IF EXISTS
// name: drop_ids
DROP INDEX bench_passage_ids IF EXISTS
// name: ids
CREATE INDEX bench_passage_ids FOR (passage:BenchPassage) ON (passage.chunk_id)
// name: passages
UNWIND $rows AS row
CREATE (passage:BenchPassage {chunk_id: row.chunk_id, text: row.text, classification: row.classification})
WITH passage, row
CALL db.create.setNodeVectorProperty(passage, 'embedding', row.embedding)
// name: links
UNWIND $rows AS row
MATCH (source:BenchPassage {chunk_id: row.source}), (target:BenchPassage {chunk_id: row.target})
CREATE (source)-[:NAMES]->(target)
// name: vectors
CREATE VECTOR INDEX bench_passage_vectors FOR (passage:BenchPassage) ON (passage.embedding)
OPTIONS {indexConfig: {`vector.dimensions`: 384, `vector.similarity_function`: 'cosine'}}
// name: texts
CREATE FULLTEXT INDEX bench_passage_texts FOR (passage:BenchPassage) ON EACH [passage.text]
OPTIONS {indexConfig: {`fulltext.analyzer`: 'english'}}
// name: await
CALL db.awaitIndexes(300)
// name: expansion
OPTIONAL MATCH (node)-[:NAMES]->(linked:BenchPassage)
WITH node, score, collect(linked.chunk_id) AS linked,
     collect(vector.similarity.cosine(linked.embedding, $query_vector)) AS similarities
RETURN node.chunk_id AS chunk_id, score, linked, similarities
ORDER BY score DESC
