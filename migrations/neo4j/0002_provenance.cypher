// What was asked and answered. Community edition has no node keys: that each node has what its constraint names is the
// projector's task, and `copilot graph verify` compares.

CREATE CONSTRAINT prov_id IF NOT EXISTS FOR (p:Provenance) REQUIRE p.id IS UNIQUE;
CREATE CONSTRAINT model_key IF NOT EXISTS FOR (m:Model) REQUIRE (m.provider, m.name) IS UNIQUE;
CREATE CONSTRAINT inv_id IF NOT EXISTS FOR (i:Investigation) REQUIRE i.id IS UNIQUE;
CREATE CONSTRAINT answer_id IF NOT EXISTS FOR (a:Answer) REQUIRE a.answer_id IS UNIQUE;
CREATE INDEX investigations_by_case IF NOT EXISTS FOR (i:Investigation) ON (i.case_id);
CREATE INDEX provenance_in_time IF NOT EXISTS FOR (p:Provenance) ON (p.recorded_at);
