"""Each kind of record has a schema for each of its versions, and none that was given out ever changes."""

import json

import jsonschema_rs
import pytest

from copilot.ledger.proofs.gaps import WORDS
from copilot.ledger.proofs.json_schema import compiled
from copilot.ledger.records import Kind
from copilot.ledger.schemas import SCHEMAS, schema_of

PINNED = {
    "ask-1": "6e479370ede2980bf050821c86ab0624a6a169e55bb7342aae9e14045db41d72",
    "ask-2": "7b90e681805a93cafa1aacf3b745a8bedc94e5adaef15f0ccb59c29c74a8eda6",
    "ask-3": "88af98bb1b8459860184e0a08f337836098cd85a2f8ba4d1c77afa88810273f9",
    "ask-4": "915ce14b5436705e1d03434f4e8e21872ed8329dc57543bf4f49f3ce69685517",
    "ask-5": "5261663da6e51c6ad4503d2e80fe420ca6774404ac03c56d3c88b42f0d8513b2",
    "approval-1": "a13a5efaab99c18c8c2e9c30eb919abaef376f747fcae44129b52b49e6214ba4",
    "tool_call-1": "7f1760b3953593b683c6f84c8963a9c727951a242c35faf41b9bc2b51cc0c9b8",
    "search-1": "4b8cd1091187b869d8e49637d0400e80cd6dee531357988b537f40f55ba40020",
    "search-2": "69a89515692fd371953e642a420c6a052544749e4fce481d7cd5b64d3fd006af",
    "search-3": "8277f20cb0fc6366eaf705f818b75e36c95e32909ad0a356e8526ad43a179f84",
    "login-1": "e0eb98f59d1112257673f63633e2c0b3c199a5f6859beb76f8fa64d557a437eb",
    "read-1": "38b16446125de218265e9910f6a0e3f3ea61ac3207ea91b68b6eeeb6cddaf484",
    "feedback-1": "ebc037dca4ccb2e43e60de3739e769c56bdd3f15c2b4b14e427c2691b1a28ad5",
    "ingest-1": "fed1d6c97bfcd6176b273a2a6e557b0e41bf189a430d972cb17bae655d172312",
    "delete-1": "b0f1b9df02fd5c497576e72703d14637f75be26a8ce12568187134f3814e921c",
    "erasure-1": "a46c84de88bea5704510f5716432ba6e6a7d2dbcd7f52196774235cd1e5437e4",
    "erasure-2": "e8bac01a3ce73c64e2817ccc83867f7cc3be844b7f89930a33971f8eb69b2642",
    "erasure-3": "b859cf5968b13db81faf9e063ff09535e5e44b907f2e3b7fa99c8bfa77fc6ace",
    "hold-1": "5a92bf9d5b757bf040d74c3e6033055161f820097a253d329f968a03b6aa1bdb",
    "retention-1": "333112868256d2b25da36c38d984836309826780fd4d8f1816b8e333608ea6ba",
    "relabel-1": "54fa69f83e580eccc0db8f64005a4629dde80bb97b0d11e7432ea842f6c7c40d",
    "revocation-1": "7236a2ac77417f4c1f82726069cf43544095cacdad1f6278505f3a481fdc2fef",
    "break_glass-1": "f67740ca89ab93ab07b837da770e814930f999f9aaf7965390a814f6696fef85",
    "reembedding-1": "50cf548c193f7de8d28543701a832d0ce2c37ccc36a2b11bf20c2513fc85cde4",
    "policy_change-1": "60992d6c94ab7b98ef42cc24299fd3bbe730eda0d27d2146c8ad14f67adfe8be",
    "flag_change-1": "1bd60223f563c69b4b87545f26969ddbd0e3f7a4e1c5fa48f51a7ddc28153234",
    "key_rotation-1": "0661e38c6249aedeec7f00c9217557de4836afaad538197c7e5d48986859524a",
    "verification-1": "760b88e58a42009d64b61004562ba55d81034ee5d1a7f400966bb0e9ec3140f4",
    "export-1": "79f3594daf236900c8abeec18cd9ba4e56b12c9f67e568e187532315890b7b1d",
    "archive-1": "f0426e7f48030a00089319963dd338c96aada29fe48e86efd2e362f75bfe4c5c",
    "denied-1": "5084d74c706e82605bed84c696d97fc937606f5c89dda504d5b0d84787ca902b",
    "failed-1": "c3942d0f2d13e3a241704471069be737d02c79f8d1dd1b61588c362f9ca472ae",
    "ask-6": "00e53f55ac383ad4ac37e3d2df64351e4bbeb91d28ea3b12059c91c089713a71",
    "search-4": "0e712e1585ebc844e0aac2efc5d904ebe9b64eda184bbf017069e11e45152677",
    "login-2": "638100d2113ec422a15bf140ab67cdce520ad8078ac5497ed0dbc94f23be0933",
    "read-2": "e81e488942c80d06afd4b4f689bfd57915ad25983fd194b18a5a6c173d14d2ea",
    "feedback-2": "4b64dd675bfa98d943b5817bfe578f36bec3301464e19afd0ab485462571fc96",
    "ingest-2": "713674f58ad136e77163a78f12739225ebf55d0cc716599a9e46071693fc0e8c",
    "delete-2": "6462f2f905bdc0b635bdbe3d80afc80c3ea28f74256aafe0ecd4583edebad021",
    "erasure-4": "d8bc8a5f225a8caadb2869de1fc51ff8c4b903084f46d5d78d556b66e3762c24",
    "hold-2": "7b93ada12e4ddd85c46449f72848db69566caef2a8384b4140053736473c4937",
    "retention-2": "04295bd235d52a2caa1078a72e79d125cadc6d6830d3ca72b5720857f24dc7e6",
    "relabel-2": "4114baff5f975cb92c0914523fac0c03c160a93430ca08d36401b9ad73300e48",
    "revocation-2": "97720dee1e35f4e41882c808c04ef1b257657e6448ffb55471602acc15ca2204",
    "break_glass-2": "a879905787accecfd8d830b5ffcd5cbb16fbcb7cce192e79f955d63f6207de1c",
    "approval-2": "8bf711305e7ddd749226a244ce3ebeccecc2b6ca7fc0b0914218510e3a5b087e",
    "tool_call-2": "796d59c6f9eb5b26abec75161b8f2b0f74e7b8d652d2ee31d073ad694fba30b0",
    "reembedding-2": "87a612db728b3101587d6ba480cb2da1cc9e7f3e7ab0b1e82b552a3f568f550d",
    "policy_change-2": "5c3dc2f371529997c174981cf1c0c9ed05f3ddcc9bff626ae2326294473d0b9b",
    "flag_change-2": "11a738b2cde2477d97e3a7ad33a83e432952a74ede1af3926516967c0cbefd6c",
    "key_rotation-2": "cbfbff165248cf05fbd1f5a2ca55cee989d5301a4b9dd2720aaef55794911d06",
    "verification-2": "bd24a1a2b901a9f5275328cc0a8046fe9c393ef013e4c758787270a3996d8646",
    "export-2": "bd4ef96ca85501e57ddb59c4369ad4a8f682066fd6ff3771e7acab928ae7e79e",
    "archive-2": "c80d743a5d097b4bc9ba972f3676eaa521dafb375ad8794e41579aed814d238b",
    "denied-2": "1a78039c96a7b2f4f6d83ac1a04c47a5452713cea6b8dc52ff8f83c54fa674d0",
    "failed-2": "7b042ade36c66ffb259540dfbb3b96837f1a9213c029d09cc98cd25bc006517e",
}


def test_a_schema_never_changes_under_its_name() -> None:
    """Records commit to its bytes. Whoever adds a field adds a version beside the old one, and its line here."""
    assert {name: one.sha256 for name, one in SCHEMAS.items()} == PINNED


def test_each_kind_follows_its_newest_version() -> None:
    for kind in Kind:
        versions = [name for name in SCHEMAS if name.rpartition("-")[0] == kind]
        assert schema_of(kind).name == f"{kind}-{len(versions)}"


@pytest.mark.parametrize("name", SCHEMAS)
def test_others_read_the_schema_as_well_and_it_knows_all_names(name: str) -> None:
    document = json.loads(SCHEMAS[name].data)
    jsonschema_rs.meta.validate(document)
    jsonschema_rs.validator_for(document)
    compiled(document)
    assert document["$id"] == f"urn:copilot:ledger:{name}"
    assert document["additionalProperties"] is False
    assert {"index", "act"} <= set(document["required"])


def test_each_name_is_of_words_that_a_deletion_looks_through_or_of_what_nobody_erases() -> None:
    """Whoever adds an opening says which; contexts and what the double check dropped go with an answer."""
    names = {name for kind in Kind for name in json.loads(schema_of(kind).data)["properties"]}
    assert names >= WORDS
    assert names - WORDS == OURS | {"contexts", "recheck_dropped"}


OURS = set(
    """
    act agrees archive archives certificate checkpoints decided decision_ids degraded deleted
    denied_act denied_reason differences document document_id due embedding_model entities_shown
    entries entry erased erasure erasure_id error export failed_act failed_calls first flags grant
    grants held hold index key_rotation kinds label labels_dropped late login model most_hops
    opening people policy prompt read reinstate reinstated relabelled requested requested_by
    retention revoke revoked routing scan scope seconds sha256 shown signed sizes stopped
    stored_answer tool_call verdict verification
    """.split()
)
"""Ids, labels, counts, decisions: nobody words them freely."""
