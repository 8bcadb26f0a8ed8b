package copilot.fields_test

import data.copilot.fields

opened(roles) := answer if {
	answer := fields.open with input as {"principal": {"roles": roles}}
}

test_analysts_see_how_their_answer_came_about if opened(["analyst"]) == {"explanation", "usage", "timings_ms"}

test_auditors_see_every_field if opened(["auditor"]) == {"explanation", "usage", "timings_ms", "scope"}

test_admins_see_what_it_costs if opened(["admin"]) == {"usage", "timings_ms"}

test_nobody_else_sees_any if {
	opened([]) == set()
	opened(["ingester"]) == set()
	opened("analyst") == set()
	opened({"0": "analyst"}) == set()
	fields.open == set() with input as {}
}
