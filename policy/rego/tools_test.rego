package copilot.tools_test

import data.copilot.tools

denied := {"allow": false, "reason": "tool"}

decided(roles, tool, origin) := answer if {
	answer := tools.decision with input as {
		"principal": {"roles": roles, "revoked": false},
		"tool": tool,
		"origin": origin,
	}
}

test_each_role_opens_its_own_tools_and_no_others if {
	open_pairs := {[role, tool] |
		some role in ["analyst", "ingester", "auditor", "admin", "root"]
		some tool in ["search", "document", "entity", "answer", "ledger", "shell", ""]
		decided([role], tool, "asker").allow
	}
	open_pairs == {
		["analyst", "search"],
		["analyst", "document"],
		["analyst", "entity"],
		["analyst", "answer"],
		["auditor", "ledger"],
	}
}

test_roles_add_up if {
	decided(["admin", "analyst", "auditor"], "search", "asker") == {"allow": true}
	decided(["admin", "analyst", "auditor"], "ledger", "asker") == {"allow": true}
}

test_no_text_may_want_a_tool_used if {
	every origin in ["source", "model", "", null, ["asker"], {"asker": true}] {
		decided(["analyst"], "search", origin) == denied
	}
	tools.decision == denied with input as {"principal": {"roles": ["analyst"], "revoked": false}, "tool": "search"}
}

test_what_is_malformed_opens_none if {
	every roles in ["analyst", null, {"0": "analyst"}, [["analyst"]]] { decided(roles, "search", "asker") == denied }
	every tool in [null, 1, ["search"], {"search": true}] { decided(["analyst"], tool, "asker") == denied }
	tools.decision == denied with input as {}
}

test_the_revoked_use_none if {
	every revoked in [true, null, "false"] {
		tools.decision == denied with input as {
			"principal": {"roles": ["analyst"], "revoked": revoked},
			"tool": "search",
			"origin": "asker",
		}
	}
}
