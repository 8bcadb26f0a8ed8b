# Which acts the asker's roles open, for a purpose that they hold.
package copilot.acts

opened_by := {
	"analyst": {"ask", "search", "read"},
	"ingester": {"ingest"},
	"auditor": {"audit"},
	"admin": {"administer"},
}

default decision := {"allow": false, "reason": "role"}

decision := {"allow": true} if {
	role_opens
	purpose_held
} else := {"allow": false, "reason": "purpose"} if role_opens

role_opens if {
	is_array(input.principal.roles)
	some role in input.principal.roles
	input.act in opened_by[role]
}

purpose_held if {
	is_string(input.purpose)
	input.purpose != ""
	is_array(input.principal.purposes)
	input.purpose in input.principal.purposes
}
