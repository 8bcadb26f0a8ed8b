-- name: position
SELECT p.state, p.generation::text AS generation, p.token,
       EXISTS (SELECT FROM graph_outbox o WHERE o.what <> 'added' AND o.label_id = ANY({labels})) AS behind,
       NOT EXISTS (SELECT FROM graph_outbox o WHERE o.label_id = ANY({labels}))
       AND NOT EXISTS (SELECT FROM graph_refusals r WHERE r.label_id = ANY({labels})) AS settled
FROM graph_projection p
