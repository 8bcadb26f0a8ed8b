"""Imports go one way, no folder shadows a package, and every package that is used is declared."""

import ast
import importlib.metadata
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
LAYERS = ("policy", "retrieval", "copilot", "eval")
DATA_FOLDERS = ("graphql", "prompts", "migrations")
USED_WITHOUT_IMPORT = {
    "onnx": "torch.onnx.export writes through it",
    "onnx-ir": "onnxruntime's quantiser of weights in blocks is built on it",
    "websockets": "uvicorn speaks WebSocket through it",
    "hatchling": "builds the wheel",
    "mypy": "checks types",
    "pytest-cov": "measures coverage",
    "pytest-rerunfailures": "gives what promises a time three tries",
    "pytest-timeout": "ends what hangs",
    "pytest-xdist": "runs the tests in two processes",
    "ruff": "checks style",
    "types-pyyaml": "types for mypy",
    "types-tqdm": "types for mypy",
    "uv": "installs",
}


@pytest.mark.parametrize("layer", LAYERS)
def test_a_package_imports_only_those_below_it(layer: str) -> None:
    above = set(LAYERS[LAYERS.index(layer) + 1 :]) | {"tests"}
    wrong = [f"{where} imports {name}" for where, name in imports(layer) if name in above]
    assert not wrong


@pytest.mark.parametrize("layer", LAYERS)
def test_each_layer_is_a_package(layer: str) -> None:
    assert (ROOT / layer / "__init__.py").is_file()


@pytest.mark.parametrize("folder", DATA_FOLDERS)
def test_data_folders_hold_no_python(folder: str) -> None:
    """With an `__init__.py`, `graphql/` would be imported in place of graphql-core."""
    assert not list((ROOT / folder).rglob("*.py"))


def test_no_folder_or_module_shadows_a_package() -> None:
    ours = {path.parent.name for path in ROOT.glob("*/__init__.py")} | {
        path.stem for path in ROOT.glob("*.py")
    }
    assert not ours & sys.stdlib_module_names
    assert ours <= {*LAYERS, "tests"}
    assert not {path.name for path in (ROOT / "tests").rglob("graphql")}


def test_what_is_imported_is_declared() -> None:
    declared = set(declarations())
    undeclared = {
        f"{where} imports {name}"
        for layer in LAYERS
        for where, name in third_party(layer)
        if not distributions(name) & declared
    }
    assert not undeclared


def test_what_is_declared_is_used() -> None:
    used = set[str]()
    for folder in (*LAYERS, "tests"):
        for _, name in third_party(folder):
            used |= distributions(name)
    declared = {*declarations(), *declarations("dev")}
    assert declared - used - set(USED_WITHOUT_IMPORT) == set()


@pytest.mark.parametrize(
    "lock", ["requirements.lock", "requirements-dev.lock", "requirements-bench.lock"]
)
def test_what_is_declared_is_pinned_by_hash_and_without_an_address(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    pins = re.findall(r"^([a-z0-9-]+)==.+\\\n {4}--hash=sha256:[0-9a-f]{64}", text, re.MULTILINE)
    assert locked(lock) <= set(pins)
    assert len(pins) == text.count("==") - len(re.findall(r"[a-z_]+ == '", text))
    assert "://" not in text


def imports(folder: str) -> Iterator[tuple[str, str]]:
    """Each import below a folder: where it stands, and the top-level package."""
    for path in sorted((ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            else:
                continue
            for name in names:
                yield f"{path.relative_to(ROOT)}:{node.lineno}", name.partition(".")[0]


def third_party(folder: str) -> Iterator[tuple[str, str]]:
    for where, name in imports(folder):
        if name not in {*LAYERS, "tests", *sys.stdlib_module_names}:
            yield where, name


_PROVIDERS = importlib.metadata.packages_distributions()


def distributions(name: str) -> set[str]:
    return {_normal(provider) for provider in _PROVIDERS.get(name, [])}


def declarations(extra: str | None = None) -> Iterator[str]:
    project = _pyproject()["project"]
    return _names(project["optional-dependencies"][extra] if extra else project["dependencies"])


def _names(declared: list[str]) -> Iterator[str]:
    return (_normal(re.split(r"[\[<>=~! ;]", wanted, maxsplit=1)[0]) for wanted in declared)


def _pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def locked(lock: str) -> set[str]:
    """What must be pinned there. The bench's peers are a group of their own, without the product."""
    if "bench" in lock:
        return set(_names(_pyproject()["dependency-groups"]["bench"]))
    return {*declarations(), *(declarations("dev") if "dev" in lock else ())}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
