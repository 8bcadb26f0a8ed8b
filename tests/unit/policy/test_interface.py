"""The interface of the package is what `__all__` says, and importing it stays light."""

import subprocess
import sys

import policy


def test_the_package_offers_exactly_these_names() -> None:
    assert set(policy.__all__) == {
        "ROLES",
        "Act",
        "Allowed",
        "Asker",
        "Authority",
        "BadInput",
        "Call",
        "Classification",
        "CopilotError",
        "Decision",
        "Denied",
        "Forbidden",
        "Grant",
        "Label",
        "LabelCatalog",
        "LabelSource",
        "Labelled",
        "Misconfigured",
        "PolicyEngine",
        "Principal",
        "Readable",
        "Rechecked",
        "Release",
        "Scope",
        "Scoper",
        "Unauthenticated",
        "Unavailable",
        "banner",
        "double_check",
        "join_all",
        "parse_portion",
        "portion",
        "split_portion",
    }
    assert all(hasattr(policy, name) for name in policy.__all__)


def test_each_error_has_a_stable_code() -> None:
    codes = {error.__name__: error.code for error in policy.CopilotError.__subclasses__()}
    assert codes == {
        "BadInput": "BAD_INPUT",
        "Misconfigured": "MISCONFIGURED",
        "Unauthenticated": "UNAUTHENTICATED",
        "Forbidden": "FORBIDDEN",
        "Unavailable": "UNAVAILABLE",
    }
    assert policy.Unavailable("policy", "down").dependency == "policy"


def test_importing_the_package_loads_neither_engine() -> None:
    program = "import sys, policy; print({'opapywasm', 'opa_client'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", program], text=True) == "set()\n"
