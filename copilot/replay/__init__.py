"""Recorded decisions made again: by the policy that decided then, and by today's."""
