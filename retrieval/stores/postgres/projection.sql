-- name: position
SELECT p.state, p.generation::text AS generation, p.token,
       EXISTS (SELECT FROM graph_outbox o WHERE o.what <> 'added' AND o.label_id = ANY({labels})) AS behind
FROM graph_projection p
