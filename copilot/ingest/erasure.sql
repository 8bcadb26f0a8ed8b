-- name: begin
SELECT begin_erasure(%(erasure_id)s, %(tenant)s, %(label_id)s, %(document_id)s, %(sub)s, %(part_ids)s) AS counts,
       clock_timestamp() AS begun_at
-- name: keep_runs
SELECT keep_erased_runs(%(erasure_id)s)
-- name: repeats
SELECT EXISTS (
    SELECT FROM eight_word_runs(%(reason)s) said
    WHERE said IN (SELECT run FROM unnest(%(texts)s::text[]) t, eight_word_runs(t) run)) AS repeats
-- name: close
SELECT close_ledger_to_erased(%(erasure_id)s)
-- name: traces
SELECT * FROM erase_traces(%(erasure_id)s, %(since)s, %(until)s)
-- name: note
SELECT note_erased(%(erasure_id)s, %(label_id)s, %(recorded)s, %(ids)s, %(names)s, %(answers)s)
-- name: search
SELECT * FROM search_erased(%(erasure_id)s, %(texts)s, %(since)s, %(until)s)
-- name: archived
-- Months of the ledger that lie in archives, which an erasure does not reach.
SELECT DISTINCT to_char(month, 'YYYY-MM') AS month FROM ledger_archives ORDER BY 1
-- name: forget_former
DELETE FROM former_chunks WHERE document_key = ANY(%(keys)s)
-- name: finish
SELECT finish_erasure(%(erasure_id)s, %(recorded)s, %(body)s)
-- name: labels
SELECT label_id, value FROM labels WHERE label_id = ANY(%(label_ids)s)
-- name: others
-- Other documents, as far as whoever deletes may read them, in which eight words of these texts stand as well.
INSERT INTO erasure_others (erasure_id, part_id, label_id)
SELECT %(erasure_id)s, p.part_id, p.label_id FROM parts p
WHERE p.label_id = ANY({labels}) AND p.part_id <> ALL(%(part_ids)s) AND EXISTS (
    SELECT FROM eight_word_runs(p.text) run
    WHERE run IN (SELECT r FROM unnest(%(texts)s::text[]) t, eight_word_runs(t) r))
