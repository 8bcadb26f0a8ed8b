"""A dependency that fails gives a clear error in time, never an ungoverned answer, and heals by itself."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.failures import CELLS, measure
from tests.servers import postgres as postgres_server
from tests.servers.besieged import Besieged, besieged


@pytest.fixture(scope="module")
def world(
    postgres: str,
    case_file_template: str,
    opa_server_url: str,
    models_dir: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Besieged]:
    uri = postgres_server.clone(postgres, case_file_template)
    with besieged(uri, opa_server_url, models_dir, tmp_path_factory.mktemp("besieged")) as opened:
        yield opened
    postgres_server.drop(postgres, uri)


@pytest.mark.parametrize(("dependency", "fault"), CELLS)
@pytest.mark.timed
def test_a_dependency_that_fails_gives_a_clear_error_in_time_and_nothing_else(
    world: Besieged, dependency: str, fault: str
) -> None:
    cell = measure(world, dependency, fault)
    assert list(cell.wrong(world)) == []
