"""Generated labels and principals for the policy tests."""

from hypothesis import strategies as st

from policy import ROLES, Asker, Authority, Classification, Grant, Label, Principal
from policy.labels import HANDLING, is_name

COMPARTMENTS = ("HARBOR", "KITE", "ORBIT")
COUNTRIES = ("USA", "GBR", "FRA")
AUTHORITIES = ("LEGAL", "MEDICAL")
SECONDS = st.integers(1_700_000_000, 1_700_000_020)
"""So few that what begins and ends often does so at once."""

names = st.text(min_size=1, max_size=8).filter(is_name)
"""Any name that a label in JSON may have: what markings must carry."""


def subsets(of: tuple[str, ...]) -> st.SearchStrategy[frozenset[str]]:
    return st.frozensets(st.sampled_from(of))


handling = subsets(tuple(sorted(HANDLING)))
labels = st.builds(
    Label,
    tenant=st.just("t1"),
    classification=st.sampled_from(Classification),
    compartments=subsets(COMPARTMENTS),
    releasable_to=st.none() | subsets(COUNTRIES),
    authorities=subsets(AUTHORITIES),
    handling=handling,
)
"""Labels of one tenant from a few names, so that they often compare."""

strange = names | st.sampled_from(
    ["NF", "NONE", "PII", "OC", "REL TO", "COMP", "TS", "S//NF", "A, B"]
)
strange_labels = st.builds(
    Label,
    tenant=st.just("t1"),
    classification=st.sampled_from(Classification),
    compartments=st.frozensets(strange, max_size=3),
    releasable_to=st.none() | st.frozensets(strange, max_size=3),
    authorities=st.frozensets(strange, max_size=3),
    handling=handling,
)
"""Labels with any names at all, those of the grammar among them; handling is a closed vocabulary."""

authorities = st.builds(
    Authority,
    name=st.sampled_from(AUTHORITIES),
    not_before=st.none() | SECONDS,
    not_after=st.none() | SECONDS,
)
grants = st.builds(
    Grant,
    grant_id=names,
    clearance=st.sampled_from(Classification),
    compartments=subsets(COMPARTMENTS),
    authorities=subsets(AUTHORITIES),
    not_after=SECONDS,
)
principals = st.builds(
    Principal,
    sub=st.just("ann"),
    tenant=st.sampled_from(["t1", "t1", "t1", "t2"]),
    clearance=st.sampled_from(Classification),
    compartments=subsets(COMPARTMENTS),
    nationality=st.sampled_from(COUNTRIES),
    authorities=st.frozensets(authorities, max_size=3),
    roles=subsets(tuple(sorted(ROLES))),
    purposes=subsets(("investigation", "audit")).map(lambda held: tuple(sorted(held))),
    acr=st.sampled_from(["strong", "weak", ""]),
    auth_time=st.none() | SECONDS,
    revoked=st.sampled_from([False, False, False, True]),
    grants=st.lists(grants, max_size=2).map(tuple),
)
askers = st.builds(
    Asker, principal=principals, purpose=st.sampled_from(["investigation", "audit", "curiosity"])
)
