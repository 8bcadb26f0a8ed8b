package copilot.principal_test

import data.copilot.principal

now := 1700000000

ann := {
	"revoked": false,
	"clearance": "C",
	"compartments": ["HARBOR"],
	"authorities": ["LEGAL"],
	"acr": "strong",
	"auth_time": null,
	"grants": [],
}

grant := {"clearance": "TS", "compartments": ["KITE"], "authorities": ["MEDICAL"], "not_after": now + 1}

asked(changes) := asked_at(changes, now)

asked_at(changes, second) := {"principal": object.union(ann, changes), "now_ns": second * 1000000000}

held(changes) := answer if {
	answer := principal.authorities with input as asked({"authorities": changes})
}

fresh(changes) if principal.fresh with input as asked(changes)

until(changes) := answer if {
	answer := principal.until_s with input as asked(changes)
}

test_a_second_lasts_until_the_next_one_begins if {
	principal.now_s == now with input as {"now_ns": (now * 1000000000) + 999999999}
	principal.now_s == now + 1 with input as {"now_ns": (now + 1) * 1000000000}
	every malformed in ["1700000000000000000", null, [], {}] {
		not principal.now_s with input as {"now_ns": malformed}
	}
}

test_whoever_is_not_known_to_stand_is_not_there if {
	principal.present with input as asked({})
	every revoked in [true, null, "false", 0, {}] {
		not principal.present with input as asked({"revoked": revoked})
	}
	not principal.present with input as {"principal": object.remove(ann, ["revoked"])}
	not principal.present with input as {}
	not fresh({"revoked": true})
}

test_a_strong_sign_in_is_fresh_for_an_hour if {
	fresh({})
	fresh({"auth_time": now})
	fresh({"auth_time": now - 3600})
	not fresh({"auth_time": now - 3601})
	not fresh({"auth_time": 0})
}

test_a_clock_may_be_a_minute_ahead_and_no_more if {
	fresh({"auth_time": now + 60})
	not fresh({"auth_time": now + 61})
}

test_only_strong_ways_of_signing_in_are_fresh if {
	every acr in ["strong", "phr", "phrh", "aal3"] { fresh({"acr": acr}) }
	every acr in ["", "weak", "unstated", "STRONG", null, 1, ["strong"], {"strong": true}] { not fresh({"acr": acr}) }
	not principal.fresh with input as {"principal": object.remove(ann, ["acr"]), "now_ns": now * 1000000000}
}

test_a_time_of_sign_in_that_is_none_is_not_fresh if {
	every auth_time in ["", "now", true, [], {}, [now]] { not fresh({"auth_time": auth_time}) }
	not principal.fresh with input as {"principal": object.remove(ann, ["auth_time"]), "now_ns": now * 1000000000}
	not principal.fresh with input as {"principal": object.union(ann, {"auth_time": now})}
}

test_rank_is_the_clearances if {
	every clearance, rank in {"U": 0, "C": 1, "S": 2, "TS": 3} {
		principal.rank == rank with input as asked({"clearance": clearance})
	}
}

test_no_grant_ranks_whose_own_clearance_is_none if {
	every clearance in ["", "c", "X", null, 3, ["S"], {"S": 1}] {
		not principal.rank with input as asked({"clearance": clearance, "grants": [grant]})
	}
}

test_a_grant_adds_to_what_is_held_and_takes_nothing if {
	with_grant := asked({"grants": [grant]})
	principal.rank == 3 with input as with_grant
	principal.compartments == {"HARBOR", "KITE"} with input as with_grant
	principal.authorities == {"LEGAL", "MEDICAL"} with input as with_grant
	lower := asked({"clearance": "S", "grants": [object.union(grant, {"clearance": "U"})]})
	principal.rank == 2 with input as lower
}

test_a_grant_ends_with_its_last_second if {
	principal.grants == {grant} with input as asked_at({"grants": [grant]}, now)
	principal.grants == set() with input as asked_at({"grants": [grant]}, now + 1)
	principal.rank == 1 with input as asked_at({"grants": [grant]}, now + 1)
	principal.compartments == {"HARBOR"} with input as asked_at({"grants": [grant]}, now + 1)
	principal.authorities == {"LEGAL"} with input as asked_at({"grants": [grant]}, now + 1)
}

test_grants_of_the_wrong_shape_add_nothing if {
	every grants in [null, "all", {"0": grant}, [null], [object.remove(grant, ["not_after"])]] {
		principal.grants == set() with input as asked({"grants": grants})
	}
	every not_after in [null, "2999-01-01", true, [now + 1]] {
		principal.grants == set() with input as asked({"grants": [object.union(grant, {"not_after": not_after})]})
	}
	odd := asked({"grants": [{"not_after": now + 1, "clearance": 3, "compartments": "KITE", "authorities": {"0": "MEDICAL"}}]})
	principal.rank == 1 with input as odd
	principal.compartments == {"HARBOR"} with input as odd
	principal.authorities == {"LEGAL"} with input as odd
	principal.grants == set() with input as {"principal": object.union(ann, {"grants": [grant]})}
}

test_an_authority_is_held_from_its_first_second_to_before_its_last if {
	every bounds, names in {
		[null, null]: {"LEGAL"}, [now, now + 1]: {"LEGAL"}, [now - 1, null]: {"LEGAL"}, [null, now + 1]: {"LEGAL"},
		[now + 1, null]: set(), [null, now]: set(), [now - 2, now - 1]: set(), [now + 1, now - 1]: set(),
	} {
		held([{"name": "LEGAL", "not_before": bounds[0], "not_after": bounds[1]}]) == names
	}
}

test_authorities_of_the_wrong_shape_are_not_held if {
	every authorities in [null, "LEGAL", {"0": "LEGAL"}, [null], [1], [["LEGAL"]]] { held(authorities) == set() }
	every bound in ["", "2020-01-01", true, [], {}] {
		held([{"name": "LEGAL", "not_before": bound, "not_after": null}]) == set()
		held([{"name": "LEGAL", "not_before": null, "not_after": bound}]) == set()
	}
	held([{"name": "LEGAL"}]) == set()
	held([{"name": "LEGAL", "not_before": null}]) == set()
	held([{"name": "LEGAL", "not_after": null}]) == set()
	held([{"not_before": null, "not_after": null}]) == set()
}

test_compartments_of_the_wrong_shape_are_not_held if {
	every compartments in [null, "HARBOR", {"0": "HARBOR"}] {
		principal.compartments == set() with input as asked({"compartments": compartments})
	}
}

test_what_never_changes_may_be_kept_for_ever if {
	until({}) == null
	until({"acr": "weak", "auth_time": now}) == null
	until({"auth_time": now - 3601}) == null
	until({"authorities": [{"name": "LEGAL", "not_before": now, "not_after": null}]}) == null
	until({"grants": [object.union(grant, {"not_after": now})]}) == null
	principal.until_s == null with input as {}
}

test_a_decision_may_be_kept_until_the_first_second_that_changes_it if {
	until({"auth_time": now}) == now + 3601
	until({"auth_time": now - 3600}) == now + 1
	until({"auth_time": now + 100}) == now + 40
	until({"grants": [grant]}) == now + 1
	until({"authorities": [{"name": "LEGAL", "not_before": now - 1, "not_after": now + 7}]}) == now + 7
	until({"authorities": [{"name": "LEGAL", "not_before": now + 9, "not_after": now + 20}]}) == now + 9
	until({"auth_time": now - 3000, "grants": [object.union(grant, {"not_after": now + 5})]}) == now + 5
	until({"authorities": ["LEGAL", {"name": "MEDICAL", "not_before": "soon", "not_after": now + 3}]}) == now + 3
}
