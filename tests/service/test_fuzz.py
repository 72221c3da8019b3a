"""Whatever is sent, no server error, and nothing is answered without the right to it: every path of the description."""

from __future__ import annotations

import os

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from evenhand.service.store.database import open_database, writing
from evenhand.service.tokens import SCOPES, make_token
from serving import RIGHTS, Server, week

#: requests of each kind to each path; EVENHAND_FUZZ_CASES=1000 for a long run
CASES = int(os.environ.get("EVENHAND_FUZZ_CASES", "8"))
CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)
#: paths that need no right
OPEN = ("/healthz", "/readyz")
ROUNDS, _ = week()


def tried(*strategies):
    """So many drawn cases, the same everywhere."""
    quiet = settings(
        max_examples=CASES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )

    def run(test):
        quiet(given(*strategies)(test))()

    return run


def operations(server):
    schema = schemathesis.openapi.from_dict(server.ask("GET", "/openapi.json").json)
    return [found.ok() for found in schema.get_all_operations()]


def requests_of(operation):
    drawn = st.one_of(operation.as_strategy(generation_mode=mode) for mode in GenerationMode)
    return st.tuples(drawn, st.booleans())


def call(case, server, there, headers=None):
    """Send a case; ``there``: to the controller and round that exist."""
    if there and "name" in (case.path_parameters or {}):
        case.path_parameters["name"] = "us"
        if "t" in case.path_parameters:
            case.path_parameters["t"] = 0
    if case.path.endswith("/events"):
        case.query = {**(case.query or {}), "follow": "false"}
    return case.call(base_url=server.url, headers=headers, timeout=20)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("fuzz"), "--max-rate", "1e6") as running:
        yield running


def test_without_tokens_on_loopback(server):
    for operation in operations(server):

        @tried(requests_of(operation))
        def _(drawn):
            case, there = drawn
            server.create()
            response = call(case, server, there and case.method.upper() != "DELETE")
            case.validate_response(response, checks=list(CHECKS))

    assert server.post(ROUNDS[0]).status in (200, 201)
    assert "Traceback" not in server.log.read_text()


def test_with_tokens_nothing_is_answered_without_the_right(tmp_path):
    """Every path, with no token and with one of every scope: below what the path needs nothing comes of it."""
    database = open_database(None, tmp_path)
    with writing(database) as connection:
        tokens = {scope: make_token(connection, scope, scope) for scope in SCOPES}
    database.close()
    needed = {(method, generic(path)): SCOPES.index(scope) for method, path, scope in RIGHTS}
    admin = {"Authorization": f"Bearer {tokens['admin']}"}
    with Server(tmp_path, "--max-rate", "1e6") as server:
        server.create(**admin)
        server.post({**ROUNDS[0], "round": 0}, **admin)
        for operation in operations(server):
            if operation.path in OPEN:
                continue
            needs = needed[operation.method.upper(), operation.path]

            @tried(requests_of(operation))
            def _(drawn):
                case, there = drawn
                case.headers = {k: v for k, v in (case.headers or {}).items() if k.lower() != "authorization"}
                assert call(case, server, there).status_code in (400, 401, 405, 413)
                for has in range(min(needs + 1, len(SCOPES) - 1)):
                    told = call(case, server, there, {"Authorization": f"Bearer {tokens[SCOPES[has]]}"})
                    assert told.status_code < 500, told.text
                    if "Authorization" not in told.request.headers:  # drawn without it
                        assert told.status_code in (400, 401, 405, 413)
                    elif has < needs:
                        assert told.status_code in (400, 403, 405, 413), told.text

        entries = server.ask("GET", "/v1/audit?limit=1000", **admin).json["entries"]
        assert [entry["what"] for entry in entries] == ["token create"] * 3 + ["create"]
        assert "Traceback" not in server.log.read_text()


def generic(path):
    """A path as the description has it."""
    return path.partition("?")[0].replace("/us", "/{name}").replace("/0", "/{t}")
