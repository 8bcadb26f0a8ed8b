# Which labels the asker may read: their attributes against the label's, and nothing else.
# Roles and purposes never widen this; a label that is not understood in full is closed.
package copilot.read

ranks := {"U": 0, "C": 1, "S": 2, "TS": 3}

known_fields := {"tenant", "classification", "compartments", "releasable_to", "authorities", "handling"}

default decision := {"allow": false, "reason": "label"}

decision := {"allow": true} if opens(input.label)

readable contains position if {
	is_array(input.labels)
	some position, label in input.labels
	opens(label)
}

opens(label) if {
	understood(label)
	label.tenant == input.principal.tenant
	ranks[input.principal.clearance] >= ranks[label.classification]
	every compartment in label.compartments { compartment in compartments_held }
	every authority in label.authorities { authority in authorities_held }
	releasable(label)
}

# `every` over something that is no collection would hold, so each shape is tested before it is used.
understood(label) if {
	is_object(label)
	count(object.keys(label) - known_fields) == 0
	name(label.tenant)
	names(label.compartments)
	names(label.authorities)
	names(label.handling)
}

releasable(label) if not "releasable_to" in object.keys(label)

releasable(label) if {
	names(label.releasable_to)
	input.principal.nationality in label.releasable_to
}

compartments_held contains compartment if {
	is_array(input.principal.compartments)
	some compartment in input.principal.compartments
}

authorities_held contains authority if {
	is_array(input.principal.authorities)
	some authority in input.principal.authorities
}

names(value) if {
	is_array(value)
	every element in value { name(element) }
}

name(value) if {
	is_string(value)
	value != ""
}
