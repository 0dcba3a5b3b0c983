"""What ``/openapi.json`` promises, checked with schemathesis against a running server with a real session in it."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS

from irodori.web.app import create_app
from irodori.web.editor import EditorSettings
from irodori.web.session_store import SessionStore
from tests.web.serving import Client, serving

CHECKED = ("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance")


@pytest.fixture(scope="module")
def target(tmp_path_factory, tiny_model, grey_bytes) -> Any:
    """A server and the id of a session."""
    store = SessionStore(tmp_path_factory.mktemp("openapi"))
    with serving(create_app(store, EditorSettings(model=str(tiny_model), threads=1))) as client:
        yield client, client.post("/api/sessions", content=grey_bytes).json()["id"]


@pytest.fixture(scope="module")
def promised(target: tuple[Client, str]) -> Any:
    """The server's schema as schemathesis reads it."""
    client, _ = target
    return schemathesis.openapi.from_url(f"{client.base_url}/openapi.json".replace("//openapi", "/openapi"))


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_the_server_keeps_its_promises(mode: GenerationMode, target: tuple[Client, str], promised: Any):
    client, identity = target
    checks = [CHECKS.get_one(name) for name in CHECKED]
    operations = [found.ok() for found in promised.get_all_operations()]
    assert len(operations) >= 29
    for operation in operations:

        @settings(
            max_examples=8, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def keeps(case: Any) -> None:
            deletes = case.method == "DELETE" and case.path.endswith("{id}")
            if "id" in (case.path_parameters or {}) and not deletes:
                case.path_parameters["id"] = identity
                if isinstance(case.body, dict) and isinstance(case.body.get("base_revision"), int):
                    case.body["base_revision"] = client.get(f"/api/sessions/{identity}").json()["revision"]
            case.call_and_validate(checks=checks)

        try:
            keeps()
        except Unsatisfiable:  # nothing can be wrong with a request that has no parameters
            assert mode is GenerationMode.NEGATIVE


def test_the_schema_is_complete(target: tuple[Client, str]):
    client, _ = target
    promised = client.get("/openapi.json").json()
    assert promised["info"]["title"] == "irodori"
    for path, operations in promised["paths"].items():
        for method, operation in operations.items():
            assert operation["summary"], (method, path)
            for status in ("401", "403", "404", "413", "422"):
                reference = operation["responses"][status]["content"]["application/json"]["schema"]["$ref"]
                assert reference.endswith("/Refused")
    for name, body in promised["components"]["schemas"].items():
        if name.endswith("Body") or name in ("EditsChange", "Base", "NewSnapshot", "PinsQuestion", "Description"):
            assert body["additionalProperties"] is False, name


def test_no_page_loads_scripts_from_elsewhere(target: tuple[Client, str]):
    client, _ = target
    for path in ("/docs", "/redoc"):
        assert client.get(path).status_code == 404
