// name: generation
MATCH (p:Projection {name: 'graph'}) RETURN p.generation
// name: empty
MATCH (x:Projection|Chunk|Entity|Name|Word|Provenance|Answer|Investigation|Model) WITH x LIMIT $most
CALL (x) { DETACH DELETE x } IN TRANSACTIONS OF 2000 ROWS
RETURN count(x)
// name: begin
MERGE (p:Projection {name: 'graph'}) SET p.generation = $generation, p.token = $token
// name: hold
// The first SET takes the lock, so that of two writers one sees what the other has done. Tokens only rise: whoever
// was taken for dead and writes again is refused.
MATCH (p:Projection {name: 'graph'}) SET p.held = $token
WITH p WHERE p.generation = $generation AND p.token < $token
SET p.token = $token
RETURN p.token
// name: touched
MATCH (c:Chunk)-[:MENTIONS|DEFINES]->(x) WHERE c.part_id IN $parts
RETURN DISTINCT elementId(x)
// name: touched_by_relations
MATCH ()-[r:RELATED]->() WHERE r.part_id IN $parts
UNWIND [startNode(r), endNode(r)] AS x
RETURN DISTINCT elementId(x)
// name: remove_relations
MATCH ()-[r:RELATED]->() WHERE r.part_id IN $parts DELETE r
// name: remove_chunks
MATCH (c:Chunk) WHERE c.part_id IN $parts DETACH DELETE c
// name: chunks
UNWIND $rows AS row
CREATE (c:Chunk {chunk_id: row.chunk_id, part_id: row.part_id, label_id: row.label_id})
// name: mentions
UNWIND $rows AS row
MATCH (c:Chunk {chunk_id: row.chunk_id})
MERGE (e:Entity {entity_id: row.entity_id, label_id: row.label_id})
SET e.key = row.key
CREATE (c)-[:MENTIONS]->(e)
// name: words
UNWIND $rows AS row
MATCH (e:Entity {entity_id: row.entity_id, label_id: row.label_id})
MERGE (w:Word {token: row.token, label_id: row.label_id})
MERGE (w)-[:IN_NAME]->(e)
// name: definitions
UNWIND $rows AS row
MATCH (c:Chunk {chunk_id: row.chunk_id})
MERGE (n:Name {key: row.key, label_id: row.label_id})
CREATE (c)-[:DEFINES]->(n)
// name: relations
UNWIND $rows AS row
MATCH (c:Chunk {chunk_id: row.chunk_id})
MERGE (s:Entity {entity_id: row.source_id, label_id: row.label_id})
MERGE (t:Entity {entity_id: row.target_id, label_id: row.label_id})
CREATE (s)-[:RELATED {relation_id: row.relation_id, chunk_id: row.chunk_id, part_id: c.part_id,
    label_id: row.label_id, type: row.type, source_name: row.source_name, target_name: row.target_name}]->(t)
// name: unname
// What no passage names any more has no name, also where a relation still leads to it.
MATCH (e:Entity) WHERE elementId(e) IN $touched AND NOT EXISTS { (e)<-[:MENTIONS]-() }
OPTIONAL MATCH (e)<-[i:IN_NAME]-(w:Word)
DELETE i
REMOVE e.key
RETURN DISTINCT elementId(w)
// name: prune
MATCH (x:Entity|Name|Word) WHERE elementId(x) IN $touched AND NOT EXISTS { (x)--() }
DELETE x
// name: chunk_facts
MATCH (c:Chunk) RETURN c.label_id, ['chunk', c.chunk_id, c.part_id]
// name: mention_facts
MATCH (c:Chunk)-[:MENTIONS]->(e:Entity)
RETURN e.label_id, ['mention', c.chunk_id, e.entity_id, e.key]
// name: word_facts
MATCH (w:Word)-[:IN_NAME]->(e:Entity) RETURN w.label_id, ['word', e.entity_id, w.token]
// name: definition_facts
MATCH (c:Chunk)-[:DEFINES]->(n:Name) RETURN n.label_id, ['definition', c.chunk_id, n.key]
// name: relation_facts
MATCH (s:Entity)-[r:RELATED]->(t:Entity)
RETURN r.label_id, ['relation', r.relation_id, r.chunk_id, r.part_id, r.type, s.entity_id, r.source_name,
    t.entity_id, r.target_name]
// name: residue_facts
// Nothing else may be there: no node that hangs on nothing, and no edge from one label to another.
MATCH (x:Entity|Name|Word) WHERE NOT EXISTS { (x)--() } OR EXISTS { (x)--(y) WHERE y.label_id <> x.label_id }
RETURN x.label_id, ['residue', elementId(x)]
