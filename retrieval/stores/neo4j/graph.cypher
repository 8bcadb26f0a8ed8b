// Each block first finds the projection: no row comes where it is another database's, or lacks what Postgres has
// counted as written. Then the labels hold on every node, before anything is counted, bounded or followed.
// name: present
MATCH (p:Projection {name: 'graph', generation: $generation}) WHERE p.token >= $token
RETURN true
// name: linked
// Who shares at least `least` words with a name shares one of the rarest: of four, when two are needed, one of three.
// So a word that stands in most names is not followed. How rare a word is, visible names alone say.
MATCH (p:Projection {name: 'graph', generation: $generation}) WHERE p.token >= $token
WITH COLLECT {
    MATCH (w:Word)
    USING INDEX w:Word(token)
    WHERE w.token IN $tokens AND w.label_id IN $labels
    WITH w.token AS token, collect(w) AS nodes, sum(COUNT { (w)-[:IN_NAME]->() }) AS names
    RETURN {token: token, nodes: nodes} ORDER BY names, token
} AS words
RETURN COLLECT {
    UNWIND $names AS name
    WITH name, [word IN words WHERE word.token IN name.words] AS there
    WHERE size(there) >= name.least
    UNWIND there[..size(there) - name.least + 1] AS rare
    UNWIND rare.nodes AS node
    MATCH (node)-[:IN_NAME]->(e WHERE e.label_id IN $labels)
    WITH DISTINCT name.words AS asked, e.entity_id AS entity, e.key AS key
    WITH asked, entity, key, split(key, ' ') AS its
    WITH asked, entity, key, its, size([one IN asked WHERE one IN its]) AS shared
    WHERE 2 * shared >= size(asked)
        AND size(reduce(some = [], one IN its | CASE WHEN one IN some THEN some ELSE some + one END))
            <= 3 * shared - size(asked)
    RETURN DISTINCT [entity, key]
} + COLLECT {
    MATCH (e:Entity)
    USING INDEX e:Entity(entity_id)
    WHERE e.entity_id IN $words_alone AND e.label_id IN $labels AND e.key IS NOT NULL
    RETURN DISTINCT [e.entity_id, e.key]
} AS found
// name: around
// Three lists in one round trip: what is inside the chunks, where those entities and the given ones are mentioned, what
// defines the keys. Of the two latter first how many visible chunks there are and, where these are not too many, which.
// No edge joins two labels, so that those of a visible node count without being followed.
MATCH (p:Projection {name: 'graph', generation: $generation}) WHERE p.token >= $token
WITH COLLECT {
    MATCH (c:Chunk)-[:MENTIONS]->(e WHERE e.label_id IN $labels)
    WHERE c.chunk_id IN $chunks AND c.label_id IN $labels
    RETURN DISTINCT [c.chunk_id, e.entity_id]
} AS inside
WITH inside, [one IN inside | one[1]] + $entities AS asked
WITH inside, COLLECT {
    MATCH (e:Entity)
    USING INDEX e:Entity(entity_id)
    WHERE e.entity_id IN asked AND e.label_id IN $labels
    WITH e.entity_id AS entity, min(e.key) AS key, collect(e) AS nodes, sum(COUNT { (e)<-[:MENTIONS]-() }) AS degree
    RETURN [entity, key, degree, COLLECT {
        WITH nodes, degree WHERE degree <= $most
        UNWIND nodes AS node
        MATCH (node)<-[:MENTIONS]-(c WHERE c.label_id IN $labels)
        RETURN c.chunk_id
    }]
} AS entities, COLLECT {
    MATCH (n:Name)
    USING INDEX n:Name(key)
    WHERE n.key IN $keys AND n.label_id IN $labels
    WITH n.key AS key, collect(n) AS nodes, sum(COUNT { (n)<-[:DEFINES]-() }) AS degree
    RETURN [key, degree, COLLECT {
        WITH nodes, degree WHERE degree <= $most
        UNWIND nodes AS node
        MATCH (node)<-[:DEFINES]-(c WHERE c.label_id IN $labels)
        RETURN c.chunk_id
    }]
} AS names
WITH inside, entities, names, [one IN entities WHERE one[2] > $most | one[0]] AS busy,
    [one IN names WHERE one[1] > $most | one[0]] AS common
RETURN inside, entities, COLLECT {
    WITH busy WHERE size(busy) > 0
    MATCH (c:Chunk)-[:MENTIONS]->(e WHERE e.entity_id IN busy AND e.label_id IN $labels)
    WHERE c.chunk_id IN $near AND c.label_id IN $labels
    RETURN DISTINCT [e.entity_id, c.chunk_id]
} AS near_entities, names, COLLECT {
    WITH common WHERE size(common) > 0
    MATCH (c:Chunk)-[:DEFINES]->(n WHERE n.key IN common AND n.label_id IN $labels)
    WHERE c.chunk_id IN $near AND c.label_id IN $labels
    RETURN DISTINCT [n.key, c.chunk_id]
} AS near_names
// name: neighbours
MATCH (p:Projection {name: 'graph', generation: $generation}) WHERE p.token >= $token
WITH COLLECT {
    // No edge joins two labels, so that the relations of a visible node count without being followed.
    MATCH (e:Entity)
    USING INDEX e:Entity(entity_id)
    WHERE e.entity_id IN $entities AND e.label_id IN $labels
    WITH e.entity_id AS entity, sum(COUNT { (e)-[:RELATED]->() } + COUNT { (e)<-[:RELATED]-() }) AS relations
    WHERE relations <= $most_relations
    RETURN entity
} AS few
RETURN COLLECT {
    MATCH (e:Entity)-[r:RELATED WHERE r.label_id IN $labels]-(other:Entity WHERE other.label_id IN $labels)
    USING INDEX e:Entity(entity_id)
    WHERE e.entity_id IN few AND e.label_id IN $labels AND e <> other
    WITH e.entity_id AS entity, other.entity_id AS reached, e = startNode(r) AS forward, r ORDER BY r.relation_id
    WITH entity, reached, forward, r.type AS type, collect(r)[..$stated] AS first
    WITH entity, collect([reached, forward, first]) AS steps, count(DISTINCT reached) AS neighbours
    UNWIND [step IN steps WHERE neighbours <= $most OR step[0] IN $near] AS step
    UNWIND step[2] AS r
    RETURN [entity, step[0], step[1], r.type, r.relation_id, r.source_name, r.target_name]
} AS steps
// name: entities
MATCH (p:Projection {name: 'graph', generation: $generation}) WHERE p.token >= $token
RETURN COLLECT {
    MATCH (w:Word)-[:IN_NAME]->(e:Entity)
    USING INDEX w:Word(token)
    WHERE w.token IN $words AND w.label_id IN $labels AND e.label_id IN $labels
      AND e.key > $after AND EXISTS { (e)<-[:MENTIONS]-() }
    WITH e.entity_id AS entity, e.key AS key, count(DISTINCT w.token) AS shared, collect(DISTINCT e) AS nodes
    WHERE shared = size($words)
    WITH entity, key, nodes ORDER BY key LIMIT $limit
    UNWIND nodes AS node
    WITH entity, key, sum(COUNT { (node)<-[:MENTIONS]-() }) AS degree
    RETURN [entity, key, degree]
} AS found
