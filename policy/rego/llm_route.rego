# Which provider of language models may be given a context: its accreditation and residency against the context's label.
# Citations of the open web come from Perplexity; citations of our own sources are ours to check, whoever writes.
package intelgraph.llm.route

import data.copilot.principal
import data.copilot.read
import data.intelgraph.llm.output

# What an operator has not stated otherwise (`input.accreditation`). Texts that protect a source, and those whose
# originator controls where they go, leave the house for nobody.
usual_handling := ["PII", "PHI", "PROPIN", "LES", "CUI", "FOUO"]

american := {"residency": "USA", "classification": "TS", "compartments": "*", "handling": usual_handling}

accredited := {
	"anthropic": american,
	"openai": american,
	"google": american,
	"perplexity": {"residency": "", "classification": "S", "compartments": [], "handling": []},
}

# It runs in this process, so nothing leaves.
local := {"offline"}

default allow := false

allow if {
	understood
	input.provider in local
}

allow if count(violation) == 0

reason := "" if {
	allow
} else := concat(", ", sort(violation))

accreditation := input.accreditation if {
	is_object(input.accreditation)
} else := accredited[input.provider] if {
	object.get(input, "accreditation", null) == null
}

# Each denies what it cannot establish: a comparison of something undefined, written under `not`, would deny nothing.
violation contains "input" if not understood

violation contains "provider" if not accreditation

violation contains "classification" if not cleared

violation contains "TS requires US-resident provider" if not resident

violation contains "compartments" if not compartments_covered

violation contains "handling" if not handling_covered

violation contains "releasability" if not released

violation contains "citations" if not able_to_cite

understood if {
	principal.ranks[input.classification] >= 0
	is_string(input.provider)
	is_string(input.model)
	is_boolean(input.requiresCitations)
	object.get(input, "purpose", "default") in output.purposes
	label_understood
}

label_understood if not "label" in object.keys(input)

label_understood if {
	read.label_understood
	input.label.classification == input.classification
}

# Who asks by classification alone asks about a context without compartments and handling.
default label := {"compartments": [], "handling": []}

label := input.label

cleared if principal.ranks[input.classification] <= principal.ranks[accreditation.classification]

resident if input.classification in {"U", "C", "S"}

resident if accreditation.residency == "USA"

compartments_covered if accreditation.compartments == "*"

compartments_covered if {
	is_array(accreditation.compartments)
	every compartment in label.compartments { compartment in accreditation.compartments }
}

handling_covered if {
	is_array(accreditation.handling)
	every caveat in label.handling { caveat in accreditation.handling }
}

released if not "releasable_to" in object.keys(label)

released if accreditation.residency in label.releasable_to

able_to_cite if object.get(input, "purpose", "default") != "search"

able_to_cite if input.requiresCitations == false

able_to_cite if input.provider == "perplexity"
