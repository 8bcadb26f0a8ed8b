package intelgraph.llm.output_test

import data.intelgraph.llm.output

action(changes) := answer if {
	answer := output.action with input as object.union(
		{"purpose": "synthesis", "citations": true, "findings": [], "strict": true},
		changes,
	)
}

# As seed 000 asks: purpose and citations, nothing else.
test_a_search_of_the_open_web_must_cite if {
	output.allow with input as {"purpose": "search", "citations": true}
	output.action == "release" with input as {"purpose": "search", "citations": true}
	every citations in [false, null, "true", 1, ["https://example.org"]] {
		not output.allow with input as {"purpose": "search", "citations": citations}
		output.action == "refuse" with input as {"purpose": "search", "citations": citations}
	}
	not output.allow with input as {"purpose": "search"}
}

test_other_purposes_of_the_seed_are_released_with_and_without_citations if {
	every purpose in ["synthesis", "long_context", "multimodal", "default"] {
		every citations in [true, false] {
			output.action == "release" with input as {"purpose": purpose, "citations": citations}
		}
	}
}

test_what_the_scan_hit_is_refused_in_strict_and_redacted_in_permissive if {
	action({}) == "release"
	action({"strict": false}) == "release"
	action({"findings": ["CANARY"]}) == "refuse"
	action({"findings": ["CANARY", "PERSONAL"], "strict": false}) == "redact"
}

test_only_a_plain_false_is_permissive if {
	every strict in [null, 0, "false", []] { action({"findings": ["CANARY"], "strict": strict}) == "refuse" }
	output.action == "refuse" with input as {"purpose": "synthesis", "findings": ["CANARY"]}
}

test_what_is_not_understood_is_refused if {
	every purpose in ["", "Search", "chat", null, 1, ["search"], {"search": true}] {
		action({"purpose": purpose}) == "refuse"
	}
	every findings in [null, "none", {}, {"0": "CANARY"}, [null], [1], [["CANARY"]]] {
		action({"findings": findings}) == "refuse"
		action({"findings": findings, "strict": false}) == "refuse"
	}
	output.action == "refuse" with input as {}
	output.action == "refuse" with input as {"citations": true}
	not output.allow with input as {}
}
