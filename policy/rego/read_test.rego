package copilot.read_test

import data.copilot.read

ann := {
	"tenant": "t1",
	"clearance": "S",
	"compartments": ["HARBOR", "KITE"],
	"nationality": "GBR",
	"authorities": ["LEGAL"],
	"roles": [],
	"purposes": [],
	"acr": "strong",
	"auth_time": null,
	"revoked": false,
	"grants": [],
}

plain := {
	"tenant": "t1",
	"classification": "S",
	"compartments": [],
	"authorities": [],
	"handling": [],
}

decision := answer if answer := read.decisions[0] with input.labels as [input.label]

# What Rego says of `plain` with some fields changed, asked by `ann`.
allowed(changes) := allowed_to({}, changes)

allowed_to(attributes, changes) := answer if {
	answer := decision.allow with input as {
		"principal": object.union(ann, attributes),
		"label": object.union(plain, changes),
	}
}

test_equal_attributes_open if allowed({})

test_lower_classification_opens if allowed({"classification": "U"})

test_higher_classification_is_closed if allowed({"classification": "TS"}) == false

# As text "TS" < "U" and "S" < "U"; as ranks it is the other way round.
test_levels_are_ranks_and_not_text if {
	allowed_to({"clearance": "U"}, {"classification": "C"}) == false
	allowed_to({"clearance": "U"}, {"classification": "TS"}) == false
	allowed_to({"clearance": "TS"}, {"classification": "S"})
}

test_other_tenant_is_closed if allowed({"tenant": "t2"}) == false

test_all_compartments_are_needed if {
	allowed({"compartments": ["HARBOR", "KITE"]})
	allowed({"compartments": ["HARBOR", "ORBIT"]}) == false
}

test_all_authorities_are_needed if {
	allowed({"authorities": ["LEGAL"]})
	allowed({"authorities": ["LEGAL", "AUDIT"]}) == false
}

test_releasable_to_the_nationality if {
	allowed({"releasable_to": ["USA", "GBR"]})
	allowed({"releasable_to": ["USA"]}) == false
}

test_releasable_to_nobody_is_closed if allowed({"releasable_to": []}) == false

test_roles_and_purposes_do_not_widen if {
	allowed_to({"roles": ["admin", "auditor"], "purposes": ["everything"]}, {"classification": "TS"}) == false
}

test_handling_alone_closes_nothing_to_who_is_freshly_signed_in if {
	every caveat in read.known_handling { allowed({"handling": [caveat]}) }
	allowed_to({"clearance": "TS"}, {"classification": "TS"})
}

test_ts_personal_data_and_sources_need_a_recent_strong_sign_in if {
	every sign_in in [{"acr": "weak"}, {"acr": ""}, {"auth_time": 0}, {"auth_time": "now"}] {
		every caveat in ["PII", "PHI", "SOURCE"] { allowed_to(sign_in, {"handling": [caveat]}) == false }
		every caveat in ["ORCON", "PROPIN", "LES", "CUI", "FOUO"] { allowed_to(sign_in, {"handling": [caveat]}) }
		allowed_to(sign_in, {"handling": ["ORCON", "PII"]}) == false
		allowed_to(object.union(sign_in, {"clearance": "TS"}), {"classification": "TS"}) == false
		allowed_to(sign_in, {})
	}
}

test_the_revoked_read_nothing if {
	every revoked in [true, null, "false", 0] { allowed_to({"revoked": revoked}, {"classification": "U"}) == false }
}

test_a_grant_opens_what_it_says_and_no_more if {
	grant := {"clearance": "TS", "compartments": ["ORBIT"], "authorities": ["AUDIT"], "not_after": 10}
	granted := {"grants": [grant]}
	decision.allow with input as {
		"principal": object.union(ann, granted),
		"label": object.union(plain, {"classification": "TS", "compartments": ["ORBIT"], "authorities": ["AUDIT"]}),
		"now_ns": 9999999999,
	}
	every change in [{"tenant": "t2"}, {"releasable_to": ["USA"]}, {"compartments": ["LANTERN"]}] {
		decision.allow == false with input as {
			"principal": object.union(ann, granted),
			"label": object.union(plain, change),
			"now_ns": 9999999999,
		}
	}
	decision.allow == false with input as {
		"principal": object.union(ann, granted),
		"label": object.union(plain, {"classification": "TS"}),
		"now_ns": 10000000000,
	}
}

test_wrong_values_in_the_label_are_closed if {
	changes := [
		{"classification": "X"}, {"classification": "s"}, {"classification": 0}, {"classification": null},
		{"classification": ["S"]}, {"classification": {"S": 1}},
		{"tenant": null}, {"tenant": ""}, {"tenant": 1}, {"tenant": ["t1"]},
		{"compartments": null}, {"compartments": "HARBOR"}, {"compartments": {}}, {"compartments": {"0": "HARBOR"}},
		{"compartments": [null]}, {"compartments": [1]}, {"compartments": [["HARBOR"]]}, {"compartments": [""]},
		{"authorities": null}, {"authorities": "LEGAL"}, {"authorities": 3}, {"authorities": true},
		{"handling": null}, {"handling": "PII"}, {"handling": [false]}, {"handling": ["DRAFT"]}, {"handling": {}},
		{"releasable_to": null}, {"releasable_to": "GBR"}, {"releasable_to": {"0": "GBR"}},
		{"releasable_to": [["GBR"]]}, {"releasable_to": ["GBR", null]},
		{"releasible_to": []}, {"caveats": ["NOFORN"]},
	]
	every change in changes { allowed(change) == false }
}

test_missing_fields_of_the_label_are_closed if {
	every field in ["tenant", "classification", "compartments", "authorities", "handling"] {
		decision.allow == false with input as {"principal": ann, "label": object.remove(plain, [field])}
	}
}

test_wrong_values_in_the_principal_are_closed if {
	pairs := [
		[{"clearance": "X"}, {}], [{"clearance": null}, {}], [{"clearance": 3}, {}],
		[{"tenant": null}, {}], [{"tenant": ["t1"]}, {}],
		[{"compartments": "HARBOR"}, {"compartments": ["HARBOR"]}],
		[{"compartments": {"0": "HARBOR"}}, {"compartments": ["HARBOR"]}],
		[{"authorities": {"0": "LEGAL"}}, {"authorities": ["LEGAL"]}],
		[{"nationality": null}, {"releasable_to": ["GBR"]}],
		[{"nationality": ""}, {"releasable_to": [""]}],
		[{"nationality": ["GBR"]}, {"releasable_to": ["GBR"]}],
	]
	every pair in pairs { allowed_to(pair[0], pair[1]) == false }
}

test_missing_fields_of_the_principal_are_closed if {
	needing := {"compartments": ["HARBOR"], "authorities": ["LEGAL"], "releasable_to": ["GBR"]}
	every field in ["tenant", "clearance", "compartments", "authorities", "nationality", "revoked"] {
		decision.allow == false with input as {
			"principal": object.remove(ann, [field]),
			"label": object.union(plain, needing),
		}
	}
}

test_nothing_is_open_without_input if {
	read.decisions == [] with input as {}
	read.decisions == [] with input as {"principal": ann, "labels": {"0": plain}}
	read.decisions == [] with input as {"principal": ann, "labels": null}
	read.readable == set() with input as {}
	read.readable == set() with input as {"principal": ann, "labels": {"0": plain}}
	decision.allow == false with input as {"principal": ann, "label": "S"}
	decision.allow == false with input as {"principal": null, "label": plain}
}

test_readable_names_the_positions if {
	labels := [plain, object.union(plain, {"classification": "TS"}), null, object.union(plain, {"classification": "C"})]
	read.readable == {0, 3} with input as {"principal": ann, "labels": labels}
	[one.allow | some one in read.decisions] == [true, false, false, true] with input as {"principal": ann, "labels": labels}
}

obstacles(attributes, changes) := answer if {
	answer := read.obstacles with input as {
		"principal": object.union(ann, attributes),
		"label": object.union(plain, changes),
	}
}

test_each_obstacle_is_named_alone if {
	obstacles({}, {}) == set()
	obstacles({"revoked": true, "acr": "strong"}, {}) == {"revoked"}
	obstacles({}, {"caveats": []}) == {"label"}
	obstacles({}, {"tenant": "t2"}) == {"tenant"}
	obstacles({}, {"classification": "TS"}) == {"clearance"}
	obstacles({}, {"compartments": ["ORBIT"]}) == {"compartments"}
	obstacles({}, {"authorities": ["AUDIT"]}) == {"authorities"}
	obstacles({}, {"releasable_to": []}) == {"releasability"}
	obstacles({"acr": "weak"}, {"handling": ["PII"]}) == {"sign-in"}
}

test_there_is_an_obstacle_just_where_a_label_is_closed if {
	labels := [null, false, "S", [], {}, {"classification": "S"}, object.union(plain, {"releasable_to": null})]
	every label in labels {
		read.obstacles != set() with input as {"principal": ann, "label": label}
		decision.allow == false with input as {"principal": ann, "label": label}
	}
	every changes in [[{}, {}], [{"acr": ""}, {"handling": ["ORCON"]}], [{"clearance": "C"}, {"classification": "C"}]] {
		obstacles(changes[0], changes[1]) == set()
		allowed_to(changes[0], changes[1])
	}
	read.obstacles != set() with input as {"principal": ann}
	read.obstacles != set() with input as {}
	every malformed in [null, "x", []] { read.obstacles != set() with input as malformed }
}
