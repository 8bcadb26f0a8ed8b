package intelgraph.llm.route_test

import data.intelgraph.llm.route

# As seed 000 asks: classification, provider, model and requiresCitations, nothing else.
seed := {"classification": "U", "provider": "anthropic", "model": "m", "requiresCitations": true}

plain := {"tenant": "t1", "classification": "U", "compartments": [], "authorities": [], "handling": []}

house := {"residency": "GBR", "classification": "S", "compartments": ["HARBOR"], "handling": ["PII"]}

allowed(changes) := answer if {
	answer := route.allow with input as object.union(seed, changes)
}

reason(changes) := answer if {
	answer := route.reason with input as object.union(seed, changes)
}

# Of a call to a house of the operator's own, with a label that changes.
to_house(changes) := to(house, changes)

to(accreditation, changes) := answer if {
	answer := route.reason with input as object.union(seed, {
		"provider": "house",
		"classification": object.get(changes, "classification", "U"),
		"accreditation": accreditation,
		"label": object.union(plain, changes),
	})
}

test_the_inputs_of_the_seed_are_decided_without_label_and_purpose if {
	every provider in ["anthropic", "openai", "google", "perplexity", "offline"] {
		every classification in ["U", "C", "S"] {
			every cite in [true, false] {
				allowed({"provider": provider, "classification": classification, "requiresCitations": cite})
			}
		}
	}
	every provider in ["anthropic", "openai", "google", "offline"] {
		allowed({"provider": provider, "classification": "TS"})
	}
	reason({}) == ""
}

test_ts_goes_to_a_us_resident_provider_only if {
	allowed({"provider": "perplexity", "classification": "TS"}) == false
	reason({"provider": "perplexity", "classification": "TS"}) == "TS requires US-resident provider, classification"
	to(object.union(house, {"classification": "TS"}), {"classification": "TS"}) == "TS requires US-resident provider"
	to(object.union(house, {"classification": "TS", "residency": "USA"}), {"classification": "TS"}) == ""
}

test_citations_of_the_open_web_come_from_perplexity if {
	web := {"purpose": "search", "requiresCitations": true}
	reason(web) == "citations"
	reason(object.union(web, {"provider": "perplexity"})) == ""
	reason(object.union(web, {"requiresCitations": false})) == ""
	every purpose in ["synthesis", "long_context", "multimodal", "default"] { reason({"purpose": purpose}) == "" }
}

test_a_provider_that_nobody_accredited_is_given_nothing if {
	every provider in ["", "house", "Anthropic", "anthropic "] { reason_names("provider", {"provider": provider}) }
	allowed({"provider": "house"}) == false
}

reason_names(violation, changes) if violation in split(reason(changes), ", ")

test_our_own_process_is_given_all_that_is_understood if {
	allowed({"provider": "offline", "classification": "TS", "label": object.union(plain, {
		"classification": "TS",
		"compartments": ["HARBOR"],
		"handling": ["SOURCE", "ORCON"],
		"releasable_to": [],
	})})
	allowed({"provider": "offline", "classification": "X"}) == false
	allowed({"provider": "offline", "label": {"classification": "U"}}) == false
}

test_a_stated_accreditation_stands_for_the_usual_one if {
	to_house({}) == ""
	to_house({"classification": "S", "compartments": ["HARBOR"], "handling": ["PII"]}) == ""
	allowed({"accreditation": object.union(house, {"classification": "U"})})
	reason({"classification": "C", "accreditation": object.union(house, {"classification": "U"})}) == "classification"
}

test_each_part_of_the_label_must_be_accredited if {
	to_house({"classification": "TS"}) == "TS requires US-resident provider, classification"
	to_house({"compartments": ["HARBOR", "KITE"]}) == "compartments"
	to_house({"handling": ["PHI"]}) == "handling"
	to_house({"releasable_to": ["USA"]}) == "releasability"
	to_house({"releasable_to": []}) == "releasability"
	to_house({"releasable_to": ["GBR", "USA"]}) == ""
	to(object.union(house, {"compartments": "*"}), {"compartments": ["KITE", "ORBIT"]}) == ""
}

test_sources_and_originators_texts_leave_the_house_for_nobody_by_default if {
	every caveat in ["SOURCE", "ORCON"] {
		reason({"label": object.union(plain, {"handling": [caveat]})}) == "handling"
	}
	every caveat in ["PII", "PHI", "PROPIN", "LES", "CUI", "FOUO"] {
		reason({"label": object.union(plain, {"handling": [caveat]})}) == ""
		reason({"provider": "perplexity", "label": object.union(plain, {"handling": [caveat]})}) == "handling"
	}
}

test_an_accreditation_of_the_wrong_shape_accredits_for_nothing if {
	every field in ["residency", "classification", "compartments", "handling"] {
		every value in [null, true, 3, "", "x", {}, {"0": "HARBOR"}] {
			changed := object.union(house, {field: value})
			wanting := {"classification": "C", "compartments": ["HARBOR"], "handling": ["PII"], "releasable_to": ["GBR"]}
			to(changed, wanting) != ""
		}
		to(object.remove(house, [field]), {"classification": "C", "releasable_to": ["GBR"]}) != ""
	}
	every accreditation in ["all", true, 1, []] { reason_names("provider", {"accreditation": accreditation}) }
	every accreditation in [{}, {"residency": "USA"}] { allowed({"accreditation": accreditation}) == false }
}

test_a_label_of_the_wrong_shape_is_routed_nowhere if {
	every field in ["tenant", "classification", "compartments", "authorities", "handling"] {
		every provider in ["anthropic", "offline"] {
			allowed({"provider": provider, "label": object.remove(plain, [field])}) == false
		}
		every value in [null, true, 1, "", {}, {"0": "USA"}, [1], [""]] {
			reason_names("input", {"label": object.union(plain, {field: value})})
		}
	}
	every value in [null, "USA", {"0": "USA"}, [1], [""]] {
		reason_names("input", {"label": object.union(plain, {"releasable_to": value})})
	}
	every label in [null, false, "U", [], {}] { reason_names("input", {"label": label}) }
	reason_names("input", {"label": object.union(plain, {"caveats": []})})
	reason_names("input", {"label": object.union(plain, {"handling": ["DRAFT"]})})
	reason_names("input", {"classification": "U", "label": object.union(plain, {"classification": "TS"})})
}

test_what_is_not_understood_is_denied if {
	every field in ["classification", "provider", "model", "requiresCitations"] {
		every value in [null, 1, [], {}, ["U"]] { reason_names("input", {field: value}) }
		reason_names_without("input", field)
	}
	every purpose in ["", "Search", "chat", null, 1, ["search"]] { reason_names("input", {"purpose": purpose}) }
	every malformed in [{}, [], "U", null] {
		route.allow == false with input as malformed
		"input" in route.violation with input as malformed
	}
}

reason_names_without(violation, field) if {
	violation in route.violation with input as object.remove(seed, [field])
}
