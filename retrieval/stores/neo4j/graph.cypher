// Each block first finds the projection: no row comes where it is another database's, or lacks what Postgres has
// counted as written. Then the labels hold on every node, before anything is counted, bounded or followed.
// name: linked
MATCH (p:Projection {name: 'graph', generation: $generation}) WHERE p.token >= $token
RETURN COLLECT {
    MATCH (w:Word)-[:IN_NAME]->(e:Entity)
    USING INDEX w:Word(token)
    WHERE w.token IN $tokens AND w.label_id IN $labels AND e.label_id IN $labels AND EXISTS { (e)<-[:MENTIONS]-() }
    WITH DISTINCT e.entity_id AS entity, e.key AS key
    WHERE size(split(key, ' ')) <= $most_words // with more it cannot share half of them
    RETURN [entity, key]
} AS found
// name: entities_in
MATCH (p:Projection {name: 'graph', generation: $generation}) WHERE p.token >= $token
RETURN COLLECT {
    MATCH (c:Chunk)-[:MENTIONS]->(e:Entity)
    WHERE c.chunk_id IN $chunks AND c.label_id IN $labels AND e.label_id IN $labels
    RETURN DISTINCT [c.chunk_id, e.entity_id]
} AS found
// name: mentions
MATCH (p:Projection {name: 'graph', generation: $generation}) WHERE p.token >= $token
WITH COLLECT {
    // How many visible chunks name each entity and, where these are not too many, which. No edge joins two labels,
    // so that those of a visible node count without being followed.
    MATCH (e:Entity)
    USING INDEX e:Entity(entity_id)
    WHERE e.entity_id IN $entities AND e.label_id IN $labels
    WITH e.entity_id AS entity, min(e.key) AS key, collect(e) AS nodes, sum(COUNT { (e)<-[:MENTIONS]-() }) AS degree
    RETURN [entity, key, degree, COLLECT {
        WITH nodes, degree WHERE degree <= $most
        UNWIND nodes AS node
        MATCH (node)<-[:MENTIONS]-(c:Chunk WHERE c.label_id IN $labels)
        RETURN c.chunk_id
    }]
} AS known
WITH known, [one IN known WHERE one[2] > $most | one[0]] AS many
RETURN known, COLLECT {
    WITH many WHERE size(many) > 0
    MATCH (c:Chunk)-[:MENTIONS]->(e:Entity)
    WHERE c.chunk_id IN $near AND c.label_id IN $labels AND e.entity_id IN many AND e.label_id IN $labels
    RETURN DISTINCT [e.entity_id, c.chunk_id]
} AS close
// name: defined
MATCH (p:Projection {name: 'graph', generation: $generation}) WHERE p.token >= $token
WITH COLLECT {
    MATCH (n:Name)
    USING INDEX n:Name(key)
    WHERE n.key IN $keys AND n.label_id IN $labels
    WITH n.key AS key, collect(n) AS nodes, sum(COUNT { (n)<-[:DEFINES]-() }) AS degree
    RETURN [key, degree, COLLECT {
        WITH nodes, degree WHERE degree <= $most
        UNWIND nodes AS node
        MATCH (node)<-[:DEFINES]-(c:Chunk WHERE c.label_id IN $labels)
        RETURN c.chunk_id
    }]
} AS known
WITH known, [one IN known WHERE one[1] > $most | one[0]] AS many
RETURN known, COLLECT {
    WITH many WHERE size(many) > 0
    MATCH (c:Chunk)-[:DEFINES]->(n:Name)
    WHERE c.chunk_id IN $near AND c.label_id IN $labels AND n.key IN many AND n.label_id IN $labels
    RETURN DISTINCT [n.key, c.chunk_id]
} AS close
// name: neighbours
MATCH (p:Projection {name: 'graph', generation: $generation}) WHERE p.token >= $token
RETURN COLLECT {
    MATCH (e:Entity)-[r:RELATED WHERE r.label_id IN $labels]->(other:Entity WHERE other.label_id IN $labels)
    USING INDEX e:Entity(entity_id)
    WHERE e.entity_id IN $entities AND e.label_id IN $labels
    RETURN DISTINCT [e.entity_id, r.source_name, r.type, other.entity_id, r.target_name]
} AS onward, COLLECT {
    MATCH (e:Entity)<-[r:RELATED WHERE r.label_id IN $labels]-(other:Entity WHERE other.label_id IN $labels)
    USING INDEX e:Entity(entity_id)
    WHERE e.entity_id IN $entities AND e.label_id IN $labels
    RETURN DISTINCT [e.entity_id, r.target_name, r.type, other.entity_id, r.source_name]
} AS back
