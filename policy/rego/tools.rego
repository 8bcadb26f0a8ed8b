# Which tools may be used: those that the asker's roles open, and only where the asker, never a text, wants them used.
package copilot.tools

import data.copilot.principal

opened_by := {
	"analyst": {"search", "document", "entity", "answer"},
	"auditor": {"ledger"},
}

default decision := {"allow": false, "reason": "tool"}

decision := {"allow": true} if {
	principal.present
	input.origin == "asker"
	is_array(input.principal.roles)
	some role in input.principal.roles
	input.tool in opened_by[role]
}
