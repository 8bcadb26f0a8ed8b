# Which acts the asker's roles open, for a purpose that they hold and, where their tenant wants one, a stated reason.
package copilot.acts

import data.copilot.principal

opened_by := {
	"analyst": {"ask", "search", "read", "request_access"},
	"ingester": {"ingest", "relabel", "delete"},
	"auditor": {"audit"},
	"admin": {"administer", "approve_access", "hold", "retain"},
}

reading := {"ask", "search", "read"}

longest_grant_s := 14400

decision := {"allow": false, "reason": "revoked"} if {
	not principal.present
} else := {"allow": false, "reason": "role"} if {
	not role_opens
} else := {"allow": false, "reason": "purpose"} if {
	not purpose_held
} else := {"allow": false, "reason": "reason"} if {
	not reason_given
} else := {"allow": false, "reason": "two_people"} if {
	not two_people
} else := {"allow": false, "reason": "time_limit"} if {
	not time_limited
} else := {"allow": true, "step_up": step_up}

# Whether a stronger or more recent sign-in could open more: told by principal and policy, never by what there is to read.
default step_up := true

step_up := false if principal.fresh

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

reason_given if {
	is_string(input.act)
	not input.act in reading
	input.act != "request_access"
}

reason_given if {
	input.act in reading
	input.settings.reason_required == false
}

reason_given if {
	is_string(input.reason)
	trim_space(input.reason) != ""
}

two_people if {
	is_string(input.act)
	input.act != "approve_access"
}

two_people if {
	is_string(input.subject.requested_by)
	is_string(input.principal.sub)
	not "" in {input.subject.requested_by, input.principal.sub}
	input.subject.requested_by != input.principal.sub
}

time_limited if {
	is_string(input.act)
	not input.act in {"request_access", "approve_access"}
}

time_limited if {
	is_number(input.subject.seconds)
	input.subject.seconds > 0
	input.subject.seconds <= longest_grant_s
}
