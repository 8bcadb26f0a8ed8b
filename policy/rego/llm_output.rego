# What becomes of an answer: it is released, or what the output scan hit is redacted, or it is refused.
package intelgraph.llm.output

purposes := {"search", "synthesis", "long_context", "multimodal", "default"}

default allow := false

allow if {
	input.purpose in purposes
	cited
}

# A search of the open web must name its pages. Our own answers lose each sentence without a citation before this.
cited if input.purpose != "search"

cited if input.citations == true

default action := "refuse"

action := "release" if {
	allow
	findings == []
}

action := "redact" if {
	allow
	count(findings) > 0
	input.strict == false
}

findings := input.findings if {
	is_array(input.findings)
	every finding in input.findings { is_string(finding) }
}

findings := [] if not "findings" in object.keys(input)
