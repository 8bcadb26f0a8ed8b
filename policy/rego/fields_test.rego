package copilot.fields_test

import data.copilot.fields

opened(roles) := opened_to({"roles": roles})

opened_to(changes) := answer if {
	answer := fields.open with input as {"principal": object.union({"revoked": false, "acr": "weak"}, changes)}
}

test_analysts_see_how_their_answer_came_about if opened(["analyst"]) == {"explanation", "usage", "timings_ms"}

test_auditors_see_every_field if opened(["auditor"]) == {"explanation", "usage", "timings_ms", "scope"}

test_admins_see_what_it_costs if opened(["admin"]) == {"usage", "timings_ms"}

test_nobody_else_sees_any if {
	opened([]) == set()
	opened(["ingester"]) == set()
	opened("analyst") == set()
	opened({"0": "analyst"}) == set()
	opened([["analyst"]]) == set()
	fields.open == set() with input as {}
}

test_personal_data_needs_a_recent_strong_sign_in if {
	"personal_data" in opened_to({"roles": ["analyst"], "acr": "strong", "auth_time": null})
	not "personal_data" in opened_to({"roles": ["analyst"], "acr": "strong"})
	not "personal_data" in opened_to({"roles": ["analyst"], "acr": "weak", "auth_time": null})
}

test_the_revoked_see_none if {
	every revoked in [true, null, "false"] {
		opened_to({"roles": ["analyst"], "revoked": revoked, "acr": "strong", "auth_time": null}) == set()
	}
}
