package copilot.acts_test

import data.copilot.acts

asked(changes) := object.union(
	{
		"principal": {
			"sub": "ann",
			"roles": ["analyst", "ingester", "auditor", "admin"],
			"purposes": ["investigation"],
			"revoked": false,
			"acr": "strong",
			"auth_time": null,
		},
		"act": "ask",
		"purpose": "investigation",
		"reason": "",
		"settings": {"reason_required": false},
		"subject": {},
	},
	changes,
)

decided(changes) := answer if {
	answer := acts.decision with input as asked(changes)
}

as_roles(roles, act) := decided({"principal": {"roles": roles}, "act": act})

denied(reason) := {"allow": false, "reason": reason}

every_act := {
	"ask",
	"search",
	"read",
	"ingest",
	"relabel",
	"delete",
	"audit",
	"administer",
	"request_access",
	"approve_access",
	"hold",
	"retain",
}

test_each_role_opens_its_own_acts_and_no_others if {
	open_pairs := {[role, act] |
		some role in ["analyst", "ingester", "auditor", "admin", "root"]
		some act in every_act
		answer := decided({
			"principal": {"roles": [role]},
			"act": act,
			"reason": "case 12",
			"subject": {"seconds": 60, "requested_by": "bob"},
		})
		answer.allow
	}
	open_pairs == {
		["analyst", "ask"],
		["analyst", "search"],
		["analyst", "read"],
		["analyst", "request_access"],
		["ingester", "ingest"],
		["ingester", "relabel"],
		["ingester", "delete"],
		["auditor", "audit"],
		["admin", "administer"],
		["admin", "approve_access"],
		["admin", "hold"],
		["admin", "retain"],
	}
}

test_roles_add_up if {
	as_roles(["analyst", "auditor"], "ask").allow
	as_roles(["analyst", "auditor"], "audit").allow
}

test_unknown_roles_and_acts_are_closed_by_role if {
	every roles in [["root"], [], "analyst", {"0": "analyst"}, [["analyst"]], null] {
		as_roles(roles, "ask") == denied("role")
	}
	every act in ["", "delete", null, 1, ["ask"], {"ask": true}] { as_roles(["analyst"], act) == denied("role") }
}

test_the_purpose_must_be_held if {
	every purpose in ["curiosity", "", null, 1, ["investigation"]] {
		decided({"purpose": purpose}) == denied("purpose")
	}
	every purposes in ["", "investigation", null, {"0": "investigation"}] {
		decided({"principal": {"purposes": purposes}}) == denied("purpose")
	}
}

test_the_empty_purpose_is_never_held if {
	decided({"principal": {"purposes": [""]}, "purpose": ""}) == denied("purpose")
}

test_the_revoked_do_nothing if {
	every revoked in [true, null, "false", 0] { decided({"principal": {"revoked": revoked}}) == denied("revoked") }
	acts.decision == denied("revoked") with input as {}
}

test_a_reason_is_given_where_the_tenant_wants_one if {
	required := {"settings": {"reason_required": true}}
	every act in ["ask", "search", "read"] {
		decided(object.union(required, {"act": act})) == denied("reason")
		decided(object.union(required, {"act": act, "reason": " \n\t"})) == denied("reason")
		decided(object.union(required, {"act": act, "reason": null})) == denied("reason")
		decided(object.union(required, {"act": act, "reason": ["x"]})) == denied("reason")
		decided(object.union(required, {"act": act, "reason": "case 12"})).allow
	}
	every act in ["ingest", "audit", "administer"] { decided(object.union(required, {"act": act})).allow }
}

test_what_the_tenant_wants_is_a_reason_unless_it_says_no if {
	every wanted in [null, 0, "false", []] {
		decided({"settings": {"reason_required": wanted}}) == denied("reason")
	}
	acts.decision == denied("reason") with input as object.remove(asked({}), ["settings"])
}

test_access_in_an_emergency_takes_a_reason_and_a_time_limit if {
	given := {"act": "request_access", "reason": "the ship leaves tonight", "subject": {"seconds": 14400}}
	decided(given).allow
	decided(object.union(given, {"reason": " "})) == denied("reason")
	every seconds in [0, -1, 14401, null, "60", [60]] {
		decided(object.union(given, {"subject": {"seconds": seconds}})) == denied("time_limit")
	}
	acts.decision == denied("time_limit") with input as object.remove(asked(given), ["subject"])
}

test_access_in_an_emergency_takes_two_people if {
	given := {"act": "approve_access", "subject": {"seconds": 60, "requested_by": "bob"}}
	decided(given).allow
	every requester in ["ann", "", null, 1, ["bob"], {"sub": "bob"}] {
		decided(object.union(given, {"subject": {"requested_by": requester}})) == denied("two_people")
	}
	decided({"act": "approve_access"}) == denied("two_people")
	acts.decision == denied("two_people") with input as json.remove(asked(given), ["/principal/sub"])
	every sub in [null, 1, "", ["ann"], {}] {
		decided(object.union(given, {"principal": {"sub": sub}})) == denied("two_people")
	}
	every seconds in [0, 14401] {
		decided(object.union(given, {"subject": {"seconds": seconds}})) == denied("time_limit")
	}
}

test_a_stronger_sign_in_is_offered_to_whoever_is_not_freshly_signed_in if {
	decided({}) == {"allow": true, "step_up": false}
	decided({"principal": {"acr": "weak"}}) == {"allow": true, "step_up": true}
	decided({"principal": {"auth_time": 0}, "now_ns": 1700000000000000000}) == {"allow": true, "step_up": true}
	decided({"principal": {"auth_time": "now"}}) == {"allow": true, "step_up": true}
}
