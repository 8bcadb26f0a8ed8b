"""What a decision rests on: which bundles decided, and how a record names them."""

from dataclasses import replace

from policy.basis import Basis
from policy.bundle import Built, installed, load_bundle

RELEASE = Built(bundle=load_bundle(installed()), wasm=b"release")
OWN = replace(RELEASE, wasm=b"own")


def test_a_record_names_the_bundles_by_their_digests_and_says_what_the_operator_stated() -> None:
    stated = {"anthropic": {"clearance": "S"}}
    alone = Basis(revision="r", release=RELEASE, reason_required=True, accreditations=stated)
    assert alone.to_json() == {
        "release": RELEASE.sha256,
        "own": None,
        "reason_required": True,
        "accreditations": stated,
    }
    assert replace(alone, own=OWN).to_json()["own"] == OWN.sha256 != RELEASE.sha256


def test_the_tenants_own_rules_come_after_those_of_the_release() -> None:
    alone = Basis(revision="r", release=RELEASE)
    assert alone.bundles == (RELEASE,)
    assert replace(alone, own=OWN).bundles == (RELEASE, OWN)
