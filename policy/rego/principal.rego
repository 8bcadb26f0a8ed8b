# What the asker holds at this moment: their own attributes, authorities that are valid now, grants that two people
# made for an emergency and that have not run out, and how they signed in.
package copilot.principal

ranks := {"U": 0, "C": 1, "S": 2, "TS": 3}

# Ways of signing in that withstand a stolen password (OpenID "phr" and "phrh", NIST AAL3), and "strong" of our own tokens.
strong := {"strong", "phr", "phrh", "aal3"}

fresh_for_s := 3600

clock_skew_s := 60

# Not by floor: WASM divides in floating point, and the last nanoseconds of a second would be the next one.
now_s := (input.now_ns - (input.now_ns % 1000000000)) / 1000000000

present if input.principal.revoked == false

fresh if {
	present
	input.principal.acr in strong
	signed_in_recently
}

# A principal of the operator's own file signs in with each command.
signed_in_recently if input.principal.auth_time == null

signed_in_recently if {
	is_number(input.principal.auth_time)
	age := now_s - input.principal.auth_time
	age <= fresh_for_s
	age >= 0 - clock_skew_s
}

rank := max(ranks_held) if ranks[input.principal.clearance]

ranks_held contains ranks[input.principal.clearance]

ranks_held contains ranks[grant.clearance] if some grant in grants

compartments contains compartment if {
	is_array(input.principal.compartments)
	some compartment in input.principal.compartments
}

compartments contains compartment if {
	some grant in grants
	is_array(grant.compartments)
	some compartment in grant.compartments
}

authorities contains authority if {
	is_array(input.principal.authorities)
	some authority in input.principal.authorities
	is_string(authority)
}

authorities contains authority.name if {
	is_array(input.principal.authorities)
	some authority in input.principal.authorities
	begun(authority)
	not_over(authority)
}

authorities contains authority if {
	some grant in grants
	is_array(grant.authorities)
	some authority in grant.authorities
}

begun(authority) if authority.not_before == null

begun(authority) if {
	is_number(authority.not_before)
	authority.not_before <= now_s
}

not_over(authority) if authority.not_after == null

not_over(authority) if {
	is_number(authority.not_after)
	now_s < authority.not_after
}

grants contains grant if {
	is_array(input.principal.grants)
	some grant in input.principal.grants
	is_number(grant.not_after)
	now_s < grant.not_after
}

# The next second at which time alone changes what is held; whoever keeps a decision must ask again by then.
default until_s := null

until_s := min(changes) if count(changes) > 0

changes contains second if {
	is_array(input.principal.authorities)
	some authority in input.principal.authorities
	some bound in ["not_before", "not_after"]
	second := authority[bound]
	is_number(second)
	second > now_s
}

changes contains grant.not_after if some grant in grants

changes contains second if {
	input.principal.acr in strong
	is_number(input.principal.auth_time)
	some second in [input.principal.auth_time - clock_skew_s, (input.principal.auth_time + fresh_for_s) + 1]
	second > now_s
}
