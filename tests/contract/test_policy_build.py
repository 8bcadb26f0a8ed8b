"""The rules pass their own tests in full, and the committed WASM is the build of the rules."""

import json
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from policy import build, embedded, publish
from policy.bundle import installed

REGO = Path(str(installed()))


def opa_run(binary: Path, *arguments: str) -> str:
    return subprocess.check_output([binary, *arguments], cwd=REGO, text=True)


def test_the_rego_tests_pass_and_cover_every_line(opa_binary: Path) -> None:
    opa_run(opa_binary, "check", "--strict", ".")
    opa_run(opa_binary, "test", ".")
    report = json.loads(opa_run(opa_binary, "test", "--coverage", "--threshold=100", "."))
    covered = {name for name in report["files"] if not name.endswith("_test.rego")}
    assert report["coverage"] == 100
    assert covered == {path.name for path in REGO.glob("*.rego") if "_test" not in path.name}


def test_the_rego_is_formatted(opa_binary: Path) -> None:
    assert opa_run(opa_binary, "fmt", "--list", ".") == ""


def test_the_committed_wasm_is_the_build_of_the_sources(opa_binary: Path) -> None:
    assert build.main(["--opa", str(opa_binary), "--check"]) == 0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(REGO, tmp_path / "rego")
    return tmp_path / "rego"


@pytest.mark.parametrize("file", ["read.rego", "policy.wasm", "data.json"])
def test_a_change_is_found_and_a_build_mends_it(
    folder: Path, opa_binary: Path, file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with (folder / file).open("ab") as content:
        content.write(b"\n")
    arguments = ["--opa", str(opa_binary), "--folder", str(folder)]
    assert build.main([*arguments, "--check"]) == 1
    assert "is not the build of the policy sources" in capsys.readouterr().err
    assert build.main(arguments) == 0
    assert build.main([*arguments, "--check"]) == 0
    embedded.EmbeddedEngine(folder)._evaluator.close()


def test_a_missing_wasm_is_found(folder: Path, opa_binary: Path) -> None:
    (folder / "policy.wasm").unlink()
    assert build.main(["--opa", str(opa_binary), "--folder", str(folder), "--check"]) == 1


def test_the_build_names_no_path_of_the_machine(opa_binary: Path, folder: Path) -> None:
    committed = b"".join((REGO / name).read_bytes() for name in ("policy.wasm", "data.json"))
    for path in (str(REGO), str(Path.home()), "/tmp/"):
        assert path.encode() not in committed


def test_a_missing_opa_and_broken_rules_are_named(
    folder: Path, opa_binary: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert build.main(["--opa", "/nowhere/opa"]) == 1
    assert "give its path with --opa" in capsys.readouterr().err
    (folder / "read.rego").write_text("package copilot.read\n\nnonsense :=\n")
    assert build.main(["--opa", str(opa_binary), "--folder", str(folder)]) == 1
    assert "`opa build` failed" in capsys.readouterr().err


def test_a_program_that_takes_too_long_is_named(
    opa_binary: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(build, "_TIMEOUT_S", 0.001)
    assert build.main(["--opa", str(opa_binary), "--check"]) == 1
    assert "took more than 0.001 s" in capsys.readouterr().err


def test_a_folder_that_is_none_or_cannot_be_written_is_named(
    folder: Path, opa_binary: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--opa", str(opa_binary), "--folder"]
    assert build.main([*arguments, str(folder / "nowhere")]) == 1
    assert "cannot read the policy folder" in capsys.readouterr().err
    (folder / "policy.wasm").unlink()
    (folder / "policy.wasm").mkdir()
    assert build.main([*arguments, str(folder)]) == 1
    assert f"cannot write {folder / 'policy.wasm'}: Is a directory" in capsys.readouterr().err


@pytest.mark.parametrize("module", [build, publish])
def test_they_run_as_programs(
    module: object, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["policy", "--help", "more"])
    with pytest.raises(SystemExit):
        runpy.run_path(str(getattr(module, "__file__", "")), run_name="__main__")
