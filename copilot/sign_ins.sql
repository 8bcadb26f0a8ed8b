-- name: note
SELECT note_sign_in(%(digest)s, %(expires_at)s) AS first
