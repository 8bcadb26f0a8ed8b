# Which labels the asker may read: their attributes against the label's, and nothing else.
# Roles and purposes never widen this; a label that is not understood in full is closed.
package copilot.read

import data.copilot.principal

known_fields := {"tenant", "classification", "compartments", "releasable_to", "authorities", "handling"}

# Personal data and what could betray a source need a recent strong sign-in, as TS does. The others close nothing by
# themselves: they say where a text may go next, which is for `intelgraph.llm.route` and for stored answers.
handling_for_strong_sign_in := {"PII", "PHI", "SOURCE"}

known_handling := handling_for_strong_sign_in | {"ORCON", "PROPIN", "LES", "CUI", "FOUO"}

# Each label by itself, in the order of the labels.
default decisions := []

decisions := [decision(label) | some label in input.labels] if is_array(input.labels)

decision(label) := {"allow": true} if opens(label)

else := {"allow": false, "reason": "label"}

readable contains position if {
	is_array(input.labels)
	some position, label in input.labels
	opens(label)
}

opens(label) if {
	principal.present
	understood(label)
	same_tenant(label)
	cleared(label)
	compartments_held(label)
	authorities_held(label)
	releasable(label)
	signed_in_for(label)
}

# Why the label is closed, for operators: empty exactly where it opens.
obstacles contains "revoked" if not principal.present

obstacles contains "label" if not label_understood

# A rule, since `not f(x)` of an undefined x is undefined too; and since other packages use it, which an OPA server may
# be given earlier than this one: it would refuse them for a function that is not there yet.
label_understood if understood(input.label)

obstacles contains "tenant" if not same_tenant(input.label)

obstacles contains "clearance" if not cleared(input.label)

obstacles contains "compartments" if not compartments_held(input.label)

obstacles contains "authorities" if not authorities_held(input.label)

obstacles contains "releasability" if not releasable(input.label)

obstacles contains "sign-in" if not signed_in_for(input.label)

# `every` over something that is no collection would hold, so each shape is tested before it is used.
understood(label) if {
	is_object(label)
	count(object.keys(label) - known_fields) == 0
	name(label.tenant)
	names(label.compartments)
	names(label.authorities)
	names(object.get(label, "releasable_to", []))
	is_array(label.handling)
	every caveat in label.handling { caveat in known_handling }
}

same_tenant(label) if label.tenant == input.principal.tenant

cleared(label) if principal.rank >= principal.ranks[label.classification]

compartments_held(label) if {
	is_array(label.compartments)
	every compartment in label.compartments { compartment in principal.compartments }
}

authorities_held(label) if {
	is_array(label.authorities)
	every authority in label.authorities { authority in principal.authorities }
}

releasable(label) if not "releasable_to" in object.keys(label)

releasable(label) if input.principal.nationality in label.releasable_to

signed_in_for(_) if principal.fresh

signed_in_for(label) if {
	label.classification in {"U", "C", "S"}
	is_array(label.handling)
	every caveat in label.handling { not caveat in handling_for_strong_sign_in }
}

names(value) if {
	is_array(value)
	every element in value { name(element) }
}

name(value) if {
	is_string(value)
	value != ""
}
