"""The interface for programs, tried by its own description."""

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import checks
from starlette.testclient import TestClient

from rfacenet.inference.catalogue import list_methods
from rfacenet.web.app import create_app
from rfacenet.web.settings import ServeSettings

schema = schemathesis.openapi.from_asgi(
    "/openapi.json", create_app(ServeSettings()), headers={"host": "localhost"}
)


@schema.parametrize()
# No description can say which bytes are a video; and Starlette's own refusal of a method names the first
# operation of an address alone.
@settings(max_examples=12, suppress_health_check=list(HealthCheck), database=None)
def test_answers_are_as_described(case):
    excluded = [checks.positive_data_acceptance, checks.allow_header_conformance]
    case.call_and_validate(headers={"host": "localhost"}, excluded_checks=excluded)


def test_every_method_is_offered():
    client = TestClient(create_app(ServeSettings()), base_url="http://localhost")
    methods = client.get("/api/methods").json()
    assert [method["name"] for method in methods] == [n.removesuffix(".simulated") for n in list_methods()]
    assert [method["name"] for method in methods if method["is_default"]] == ["rfacenet"]
    assert {method["name"] for method in methods if not method["is_live"]} >= {"rhythmnet", "samc"}


@pytest.mark.parametrize("method", ["/etc/passwd.safetensors", "../x.safetensors", "nope", ""])
def test_a_method_is_never_a_file(method):
    client = TestClient(create_app(ServeSettings()), base_url="http://localhost")
    answer = client.post("/api/videos", params={"method": method}, content=b"\x00\x00\x01")
    assert answer.status_code == 400
    assert "There is no method" in answer.json()["detail"]


def test_what_is_not_there_is_said_in_a_sentence():
    client = TestClient(create_app(ServeSettings()), base_url="http://localhost")
    assert client.get("/nothing").json()["detail"].startswith("There is nothing at this address")
    answer = client.get("/api/videos")
    assert (answer.status_code, answer.json()["detail"][:28]) == (405, "This address takes no GET; /")
    form = client.post("/api/videos", files={"file": b"\x00\x00\x00\x18ftypmp42"})
    assert form.status_code == 415
    assert "--data-binary" in form.json()["detail"]
