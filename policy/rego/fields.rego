# Which restricted fields of an answer the asker's roles open. All other fields are open to whoever got the answer.
#
# explanation    plan, arms and paths of this answer; it rests on nothing outside the asker's scope
# usage          tokens and cost of this answer
# timings_ms     time for each stage of this answer
# scope          canonical labels that the answer was searched under: what access control looks like, so auditors only
# personal_data  personal data that stands in a text without a label that says so
package copilot.fields

import data.copilot.principal

opened_by := {
	"analyst": {"explanation", "usage", "timings_ms"},
	"auditor": {"explanation", "usage", "timings_ms", "scope"},
	"admin": {"usage", "timings_ms"},
}

open contains field if {
	principal.present
	is_array(input.principal.roles)
	some role in input.principal.roles
	some field in opened_by[role]
}

open contains "personal_data" if principal.fresh
