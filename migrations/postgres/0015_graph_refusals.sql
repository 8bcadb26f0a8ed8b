-- Parts that Neo4j refused, and how often: with others in one batch, or by themselves. Such a part is tried alone; what
-- is refused too often is set aside, so that the rest goes on. The ids of parts, and nothing of what they hold.
CREATE TABLE graph_refusals (
    part_id  text PRIMARY KEY,
    label_id int NOT NULL,
    times    int NOT NULL DEFAULT 1
);
CREATE INDEX graph_refusals_labels ON graph_refusals (label_id);
ALTER TABLE graph_refusals ENABLE ROW LEVEL SECURITY;
CREATE POLICY projected ON graph_refusals TO copilot_projector USING (true);
GRANT SELECT, INSERT, DELETE ON graph_refusals TO copilot_projector;
GRANT UPDATE (times) ON graph_refusals TO copilot_projector;

-- A reader asks whether Neo4j holds all that is visible to them, and sees no row of other labels.
CREATE POLICY in_scope ON graph_refusals FOR SELECT TO copilot_reader
    USING (label_id = ANY ((SELECT scope_label_ids())::int[]));
GRANT SELECT (label_id) ON graph_refusals TO copilot_reader;
CREATE INDEX graph_outbox_labels ON graph_outbox (label_id);
