"""Presidio is loaded when it is needed and not before, without models, torch or the network."""

import json
import subprocess
import sys
from typing import cast

_PROGRAM = """
import json, socket, sys
def refuse(*_): raise AssertionError("something went to the network")
socket.socket.connect = socket.getaddrinfo = refuse
import copilot.output_scan as scanning
from copilot.generation.port import Claim
def heavy():
    return sorted(sys.modules.keys() & {"presidio_analyzer", "spacy", "phonenumbers", "torch", "transformers"})
imported = heavy()
scan = scanning.OutputScan(["canary-one-two"])
scan.request([])(Claim(text="Call +371 2911 2233, j.doe@a.example.", supports=()))
opened = heavy()
outcome = scan.request([], personal_open=False)(
    Claim(text="AB 12 34 56 C, 4111 1111 1111 1111, j.doe@a.example, +371 2911 2233", supports=())
)
import collections.abc, importlib.util
print(json.dumps({
    "imported": imported, "opened": opened, "closed": heavy(), "text": outcome.text,
    "torch": importlib.util.find_spec("torch") is not None,
}))
"""


def _run() -> dict[str, object]:
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", _PROGRAM],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return cast(dict[str, object], json.loads(ran.stdout))


def test_only_who_may_not_see_personal_data_costs_the_loading() -> None:
    seen = _run()
    assert seen["imported"] == []
    assert seen["opened"] == []
    assert seen["closed"] == ["phonenumbers", "presidio_analyzer", "spacy"]
    assert str(seen["text"]).count("removed]") == 4
    assert seen["torch"], "what was kept out while Presidio loaded can be imported afterwards"
