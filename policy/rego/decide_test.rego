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
	"act": "ask",
	"label": open_label,
	"labels": [open_label],
}

test_each_answer_names_the_revision if {
	answers := [decide.readable, decide.may_read, decide.permits, decide.fields] with input as question
		with data.copilot.revision as {"bundle_hash": "r1"}
	answers == [
		{"revision": "r1", "value": {0}},
		{"revision": "r1", "value": {"allow": true}},
		{"revision": "r1", "value": {"allow": true}},
		{"revision": "r1", "value": {"explanation", "usage", "timings_ms"}},
	]
}

test_without_a_revision_there_is_no_answer if {
	not decide.readable with input as question with data.copilot.revision as {}
	not decide.may_read with input as question with data.copilot.revision as {}
	not decide.permits with input as question with data.copilot.revision as {}
	not decide.fields with input as question with data.copilot.revision as {}
}
