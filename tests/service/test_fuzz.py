"""The service against its own OpenAPI document, with generated requests over a real connection."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from pictures import shown
from schemathesis.specs.openapi.checks import positive_data_acceptance
from serving import served

from shotsmith.domain.examples import Draft, ImageFile
from shotsmith.engine import Engine
from shotsmith.service import create_app
from shotsmith.settings import Settings

schema = schemathesis.openapi.from_dict(create_app().openapi())


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with one pool, which the requests may do with as they like."""
    data_dir = tmp_path_factory.mktemp("fuzz")
    with Engine(Settings(data_dir=data_dir, index_url="memory:", encoder="fake")) as engine:
        engine.create_pool("p")
        engine.add("p", [Draft("x", "e", (ImageFile("e.png", shown(1, 1)),), labels=("a",))])
        with served(create_app(engine=engine)) as url:
            yield url


@schema.parametrize()
@settings(max_examples=12, suppress_health_check=list(HealthCheck))
def test_every_response_is_as_documented(case: schemathesis.Case, address: str) -> None:
    # What an image or a label must be is more than a schema can say, so valid-looking requests may be refused.
    case.call_and_validate(base_url=address, excluded_checks=[positive_data_acceptance])
