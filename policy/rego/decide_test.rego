package copilot.decide_test

import data.copilot.decide

pat := {
	"tenant": "t1",
	"clearance": "U",
	"compartments": [],
	"nationality": "GBR",
	"authorities": [],
	"roles": ["analyst"],
	"purposes": ["investigation"],
	"acr": "weak",
	"auth_time": null,
	"revoked": false,
	"grants": [],
}

open_label := {
	"tenant": "t1",
	"classification": "U",
	"compartments": [],
	"authorities": [],
	"handling": [],
}

question := {
	"principal": pat,
	"purpose": "investigation",
	"reason": "",
	"now_ns": 1700000000000000000,
	"act": "ask",
	"settings": {"reason_required": false},
	"label": open_label,
	"labels": [open_label],
	"tool": "search",
	"origin": "asker",
}

routed := {"classification": "U", "provider": "offline", "model": "m", "requiresCitations": true, "purpose": "synthesis"}

released := {"purpose": "synthesis", "citations": true, "findings": [], "strict": true}

test_each_answer_names_the_revision if {
	revision := {"bundle_hash": "r1"}
	decide.readable == {"revision": "r1", "value": {"positions": {0}, "until_s": null}} with input as question
		with data.copilot.revision as revision
	decide.may_read == {"revision": "r1", "value": [{"allow": true}]} with input as question
		with data.copilot.revision as revision
	decide.obstacles == {"revision": "r1", "value": set()} with input as question
		with data.copilot.revision as revision
	decide.permits == {"revision": "r1", "value": {"allow": true, "step_up": true}} with input as question
		with data.copilot.revision as revision
	decide.fields == {"revision": "r1", "value": {"explanation", "usage", "timings_ms"}} with input as question
		with data.copilot.revision as revision
	decide.may_use == {"revision": "r1", "value": {"allow": true}} with input as question
		with data.copilot.revision as revision
	decide.may_route == {"revision": "r1", "value": {"allow": true, "reason": ""}} with input as routed
		with data.copilot.revision as revision
	decide.may_release == {"revision": "r1", "value": {"action": "release"}} with input as released
		with data.copilot.revision as revision
}

test_without_a_revision_there_is_no_answer if {
	not decide.readable with input as question with data.copilot.revision as {}
	not decide.may_read with input as question with data.copilot.revision as {}
	not decide.obstacles with input as question with data.copilot.revision as {}
	not decide.permits with input as question with data.copilot.revision as {}
	not decide.fields with input as question with data.copilot.revision as {}
	not decide.may_use with input as question with data.copilot.revision as {}
	not decide.may_route with input as routed with data.copilot.revision as {}
	not decide.may_release with input as released with data.copilot.revision as {}
}

test_who_asks_nothing_is_told_nothing if {
	revision := {"bundle_hash": "r1"}
	decide.readable.value == {"positions": set(), "until_s": null} with input as {} with data.copilot.revision as revision
	decide.may_read.value == [] with input as {} with data.copilot.revision as revision
	decide.obstacles.value != set() with input as {} with data.copilot.revision as revision
	decide.permits.value.allow == false with input as {} with data.copilot.revision as revision
	decide.fields.value == set() with input as {} with data.copilot.revision as revision
	decide.may_use.value.allow == false with input as {} with data.copilot.revision as revision
	decide.may_route.value.allow == false with input as {} with data.copilot.revision as revision
	decide.may_release.value.action == "refuse" with input as {} with data.copilot.revision as revision
}
