"""Generated labels and principals for the policy tests."""

from hypothesis import strategies as st

from policy import ROLES, Asker, Classification, Label, Principal
from policy.labels import is_name

COMPARTMENTS = ("HARBOR", "KITE", "ORBIT")
COUNTRIES = ("USA", "GBR", "FRA")
AUTHORITIES = ("LEGAL", "MEDICAL")

names = st.text(min_size=1, max_size=8).filter(is_name)
"""Any name that a label in JSON may have: what markings must carry."""


def subsets(of: tuple[str, ...]) -> st.SearchStrategy[frozenset[str]]:
    return st.frozensets(st.sampled_from(of))


labels = st.builds(
    Label,
    tenant=st.just("t1"),
    classification=st.sampled_from(Classification),
    compartments=subsets(COMPARTMENTS),
    releasable_to=st.none() | subsets(COUNTRIES),
    authorities=subsets(AUTHORITIES),
    handling=subsets(("PII", "DRAFT")),
)
"""Labels of one tenant from a few names, so that they often compare."""

strange = names | st.sampled_from(["NF", "NONE", "PII", "REL TO", "COMP", "TS", "S//NF", "A, B"])
strange_labels = st.builds(
    Label,
    tenant=st.just("t1"),
    classification=st.sampled_from(Classification),
    compartments=st.frozensets(strange, max_size=3),
    releasable_to=st.none() | st.frozensets(strange, max_size=3),
    authorities=st.frozensets(strange, max_size=3),
    handling=st.frozensets(strange, max_size=3),
)
"""Labels with any names at all, those of the grammar among them."""

principals = st.builds(
    Principal,
    sub=st.just("ann"),
    tenant=st.sampled_from(["t1", "t1", "t1", "t2"]),
    clearance=st.sampled_from(Classification),
    compartments=subsets(COMPARTMENTS),
    nationality=st.sampled_from(COUNTRIES),
    authorities=subsets(AUTHORITIES),
    roles=subsets(tuple(sorted(ROLES))),
    purposes=subsets(("investigation", "audit")).map(lambda held: tuple(sorted(held))),
)
askers = st.builds(
    Asker, principal=principals, purpose=st.sampled_from(["investigation", "audit", "curiosity"])
)
