package copilot.acts_test

import data.copilot.acts

decided(roles, act, purpose) := answer if {
	answer := acts.decision with input as {
		"principal": {"roles": roles, "purposes": ["investigation"]},
		"act": act,
		"purpose": purpose,
	}
}

test_each_role_opens_its_own_acts_and_no_others if {
	open_pairs := {[role, act] |
		some role in ["analyst", "ingester", "auditor", "admin"]
		some act in ["ask", "search", "read", "ingest", "audit", "administer"]
		decided([role], act, "investigation").allow
	}
	open_pairs == {
		["analyst", "ask"],
		["analyst", "search"],
		["analyst", "read"],
		["ingester", "ingest"],
		["auditor", "audit"],
		["admin", "administer"],
	}
}

test_roles_add_up if {
	decided(["analyst", "auditor"], "ask", "investigation").allow
	decided(["analyst", "auditor"], "audit", "investigation").allow
}

test_unknown_roles_and_acts_are_closed_by_role if {
	denied := {"allow": false, "reason": "role"}
	decided(["root"], "ask", "investigation") == denied
	decided([], "ask", "investigation") == denied
	decided(["analyst"], "delete", "investigation") == denied
	decided(["analyst"], null, "investigation") == denied
	decided("analyst", "ask", "investigation") == denied
	decided({"0": "analyst"}, "ask", "investigation") == denied
}

test_the_purpose_must_be_held if {
	denied := {"allow": false, "reason": "purpose"}
	every purpose in ["curiosity", "", null, 1, ["investigation"]] {
		decided(["analyst"], "ask", purpose) == denied
	}
}

test_purposes_of_the_wrong_shape_hold_none if {
	every purposes in ["", "investigation", null, {"0": "investigation"}] {
		acts.decision.reason == "purpose" with input as {
			"principal": {"roles": ["analyst"], "purposes": purposes},
			"act": "ask",
			"purpose": "investigation",
		}
	}
}

test_the_empty_purpose_is_never_held if {
	acts.decision.reason == "purpose" with input as {
		"principal": {"roles": ["analyst"], "purposes": [""]},
		"act": "ask",
		"purpose": "",
	}
}

test_nothing_is_open_without_input if acts.decision == {"allow": false, "reason": "role"} with input as {}
