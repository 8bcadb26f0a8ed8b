// name: seen
// No row where this is another database's projection, or one that lacks what Postgres has counted as written.
MATCH (p:Projection {name: 'graph', generation: $generation}) WHERE p.token >= $token
RETURN p.token
// name: linked
MATCH (w:Word)-[:IN_NAME]->(e:Entity)
USING INDEX w:Word(token)
WHERE w.token IN $tokens AND w.label_id IN $labels AND e.label_id IN $labels
  AND EXISTS { (e)<-[:MENTIONS]-(c:Chunk WHERE c.label_id IN $labels) }
RETURN DISTINCT [e.entity_id, e.key] AS found
// name: entities_in
MATCH (c:Chunk)-[:MENTIONS]->(e:Entity)
WHERE c.chunk_id IN $chunks AND c.label_id IN $labels AND e.label_id IN $labels
RETURN DISTINCT [c.chunk_id, e.entity_id] AS found
// name: mentions
// How many visible chunks name each entity and, where these are not too many, which.
MATCH (e:Entity)
USING INDEX e:Entity(entity_id)
WHERE e.entity_id IN $entities AND e.label_id IN $labels
WITH e.entity_id AS entity, min(e.key) AS key, collect(e) AS nodes, sum(COUNT { (e)<-[:MENTIONS]-() }) AS degree
RETURN [entity, key, degree, COLLECT {
    WITH nodes, degree WHERE degree <= $most
    UNWIND nodes AS node
    MATCH (node)<-[:MENTIONS]-(c:Chunk WHERE c.label_id IN $labels)
    RETURN c.chunk_id
}] AS found
// name: mentions_near
MATCH (c:Chunk)-[:MENTIONS]->(e:Entity)
WHERE c.chunk_id IN $near AND c.label_id IN $labels AND e.entity_id IN $entities AND e.label_id IN $labels
RETURN DISTINCT [e.entity_id, c.chunk_id] AS found
// name: defined
MATCH (n:Name)
USING INDEX n:Name(key)
WHERE n.key IN $keys AND n.label_id IN $labels
WITH n.key AS key, collect(n) AS nodes, sum(COUNT { (n)<-[:DEFINES]-() }) AS degree
RETURN [key, degree, COLLECT {
    WITH nodes, degree WHERE degree <= $most
    UNWIND nodes AS node
    MATCH (node)<-[:DEFINES]-(c:Chunk WHERE c.label_id IN $labels)
    RETURN c.chunk_id
}] AS found
// name: defined_near
MATCH (c:Chunk)-[:DEFINES]->(n:Name)
WHERE c.chunk_id IN $near AND c.label_id IN $labels AND n.key IN $keys AND n.label_id IN $labels
RETURN DISTINCT [n.key, c.chunk_id] AS found
// name: neighbours_on
MATCH (e:Entity)-[r:RELATED WHERE r.label_id IN $labels]->(other:Entity WHERE other.label_id IN $labels)
USING INDEX e:Entity(entity_id)
WHERE e.entity_id IN $entities AND e.label_id IN $labels
RETURN DISTINCT [e.entity_id, r.source_name, r.type, other.entity_id, r.target_name] AS found
// name: neighbours_back
MATCH (e:Entity)<-[r:RELATED WHERE r.label_id IN $labels]-(other:Entity WHERE other.label_id IN $labels)
USING INDEX e:Entity(entity_id)
WHERE e.entity_id IN $entities AND e.label_id IN $labels
RETURN DISTINCT [e.entity_id, r.target_name, r.type, other.entity_id, r.source_name] AS found
