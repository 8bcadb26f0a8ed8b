// name: touched
MATCH (p:Provenance)-[:GENERATED_BY|USED_MODEL]-(x:Investigation|Model) WHERE p.id IN $ledger_ids
RETURN DISTINCT elementId(x)
// name: remove_answers
MATCH (p:Provenance)<-[:GENERATED_BY]-(a:Answer) WHERE p.id IN $ledger_ids DETACH DELETE a
// name: remove_strays
// An answer that somebody has cut off from its record.
MATCH (a:Answer) WHERE a.answer_id IN $answer_ids DETACH DELETE a
// name: remove_records
MATCH (p:Provenance) WHERE p.id IN $ledger_ids DETACH DELETE p
// name: records
UNWIND $rows AS row
MERGE (i:Investigation {id: row.investigation_id})
SET i.case_id = row.case_id, i.tenant = row.tenant, i.label_id = row.label_id
CREATE (p:Provenance {id: row.ledger_id, leaf_hash: row.leaf_hash, recorded_at: row.recorded_at, outcome: row.outcome,
    policy_revision: row.policy_revision, tenant: row.tenant, label_id: row.label_id})
CREATE (i)-[:GENERATED_BY]->(p)
// name: models
UNWIND $rows AS row
MATCH (p:Provenance {id: row.ledger_id})
MERGE (m:Model {provider: row.provider, name: row.name})
CREATE (p)-[:USED_MODEL]->(m)
// name: answers
UNWIND $rows AS row
MATCH (p:Provenance {id: row.ledger_id})
CREATE (a:Answer {answer_id: row.answer_id, tenant: row.tenant, label_id: row.label_id})
CREATE (a)-[:GENERATED_BY]->(p)
// name: cites
// Answers go by the log and passages by the outbox: whichever comes later ties them.
UNWIND $rows AS row
MATCH (a:Answer {answer_id: row.answer_id})
MATCH (c:Chunk {chunk_id: row.chunk_id})
CREATE (a)-[:CITES]->(c)
// name: prune
MATCH (x:Investigation|Model) WHERE elementId(x) IN $touched AND NOT EXISTS { (x)--() }
DELETE x
// name: ids
MATCH (p:Provenance) RETURN p.id, coalesce(p.label_id, -1)
// name: provenance_facts
MATCH (p:Provenance) WHERE p.id IN $ledger_ids
RETURN p.label_id, ['provenance', p.id, p.leaf_hash, p.recorded_at, p.outcome, p.policy_revision, p.tenant]
// name: investigation_facts
MATCH (p:Provenance)<-[:GENERATED_BY]-(i:Investigation) WHERE p.id IN $ledger_ids
RETURN i.label_id, ['investigation', p.id, i.id, i.case_id, i.tenant]
// name: model_facts
MATCH (p:Provenance)-[:USED_MODEL]->(m:Model) WHERE p.id IN $ledger_ids
RETURN p.label_id, ['model', p.id, m.provider, m.name]
// name: answer_facts
MATCH (p:Provenance)<-[:GENERATED_BY]-(a:Answer) WHERE p.id IN $ledger_ids
RETURN a.label_id, ['answer', p.id, a.answer_id, a.tenant]
// name: citation_facts
MATCH (p:Provenance)<-[:GENERATED_BY]-(a:Answer)-[:CITES]->(c:Chunk) WHERE p.id IN $ledger_ids
RETURN a.label_id, ['citation', p.id, a.answer_id, c.chunk_id]
// name: residue_facts
// Nothing else may be there: nothing that no record leads to, and no other edge.
MATCH (x:Provenance|Investigation|Answer|Model)
WHERE NOT x:Provenance AND NOT EXISTS { (x)-[:GENERATED_BY|USED_MODEL]-(:Provenance) } OR EXISTS {
    (x)-[r]-(y)
    WHERE NOT (r:GENERATED_BY|USED_MODEL AND (x:Provenance OR y:Provenance) OR r:CITES AND x:Answer AND y:Chunk)
}
RETURN x.label_id, ['residue', elementId(x)]
