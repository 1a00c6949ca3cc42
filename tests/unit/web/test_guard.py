"""Who is let in, and with what headers answers go out."""

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from rfacenet.errors import SettingsError
from rfacenet.web.app import create_app
from rfacenet.web.guard import NO_TOKEN, WRONG_TOKEN
from rfacenet.web.settings import ServeSettings

TOKEN = "correct-horse-battery"


def client(host="127.0.0.1:8000", **settings):
    return TestClient(
        create_app(ServeSettings(**settings)), base_url=f"http://{host}", follow_redirects=False
    )


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8000", "localhost:8000", "[::1]:8000", "192.168.1.7", "nurse.local"]
)
def test_this_machine_is_asked_for_by_its_own_names(host):
    assert client(host, names=("nurse.local",)).get("/api/limits").status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example:8000", "127.0.0.1.evil.example", "localhost.evil.example", "", "a]"]
)
def test_a_name_that_only_points_here_is_refused(host):
    # DNS rebinding: the attacker's own name, resolved to this machine.
    answer = client().get("/api/limits", headers={"host": host})
    assert answer.status_code == 421
    assert "--name" in answer.json()["detail"]


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:9000", "https://evil.example:8000"]
)
def test_pages_of_other_origins_are_refused(origin):
    for method, path in (("GET", "/api/limits"), ("POST", "/api/videos"), ("DELETE", "/api/videos/x")):
        assert client().request(method, path, headers={"origin": origin}).status_code == 403
    with pytest.raises(WebSocketDisconnect) as refused:  # noqa: SIM117
        with client().websocket_connect("ws://127.0.0.1:8000/api/live", headers={"origin": origin}):
            pass
    assert refused.value.code == 1008


def test_its_own_page_is_let_in():
    assert client().get("/api/limits", headers={"origin": "http://127.0.0.1:8000"}).status_code == 200
    cross = {"sec-fetch-site": "cross-site"}
    assert client().get("/", headers=cross | {"sec-fetch-mode": "navigate"}).status_code == 200
    assert client().get("/api/limits", headers=cross).status_code == 403


def test_the_token_is_asked_for_everywhere():
    asked = client(token=TOKEN)
    for path in ("/", "/app.js", "/openapi.json", "/api/limits", "/docs"):
        assert asked.get(path).status_code == 401
    with pytest.raises(WebSocketDisconnect), asked.websocket_connect("ws://127.0.0.1:8000/api/live"):
        pass
    for wrong in ("wrong", TOKEN[:-1], TOKEN + "x", "ü"):
        assert asked.get("/", params={"token": wrong}).status_code == 401
        assert (
            asked.get("/api/limits", headers={"authorization": b"Bearer " + wrong.encode()}).status_code
            == 401
        )


def test_a_refusal_says_what_is_wrong_to_people_and_to_programs():
    asked = client(token=TOKEN)
    assert "detail" in asked.get("/api/limits").json()
    page = asked.get("/", params={"token": "wrong"}, headers={"accept": "text/html"})
    assert page.headers["content-type"].startswith("text/plain")
    assert page.text == WRONG_TOKEN
    assert asked.get("/api/limits", headers={"authorization": "Bearer wrong"}).json()["detail"] == WRONG_TOKEN
    assert asked.get("/api/limits").json()["detail"] == NO_TOKEN


@pytest.mark.parametrize("host", ["", " "])
def test_an_empty_address_is_not_every_address(host):
    with pytest.raises(SettingsError, match="empty"):
        ServeSettings(host=host)


def test_the_token_of_the_address_becomes_a_cookie_that_scripts_cannot_read():
    asked = client(token=TOKEN)
    answer = asked.get("/", params={"token": TOKEN})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert {"HttpOnly", "SameSite=Lax"} <= set(answer.headers["set-cookie"].split("; "))
    assert asked.get("/").status_code == 200
    bearer = {"authorization": f"Bearer {TOKEN}"}
    assert client(token=TOKEN).get("/api/limits", headers=bearer).status_code == 200
    assert TOKEN not in repr(ServeSettings(token=TOKEN))


def test_every_answer_has_the_safe_headers():
    for path, status in (("/", 200), ("/api/limits", 200), ("/nowhere", 404), ("/static/", 404)):
        answer = client().get(path)
        assert answer.status_code == status
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-frame-options"] == "DENY"


def test_pages_bring_no_script_of_their_own_and_none_from_elsewhere():
    for path in ("/", "/docs"):
        page = client().get(path).text
        assert "http" not in page.replace("http-equiv", "")
        assert "<script>" not in page
        assert "style=" not in page
    description = client().get("/openapi.json").json()
    assert "/api/videos/{key}/report" in description["paths"]


@pytest.mark.parametrize(
    "path", ["/../settings.py", "/%2e%2e/settings.py", "/static/app.js", "//etc/passwd", "/app.js/"]
)
def test_nothing_else_is_served(path):
    assert client().get(path).status_code == 404


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"token": "short"}, "can be guessed"),
        ({"token": "has spaces in it; and more"}, "letters, digits"),
        ({"port": 70_000}, "no port 70000"),
        ({"max_viewers": 0}, "max_viewers is 0"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings, says):
    with pytest.raises(SettingsError, match=says):
        ServeSettings(**settings)


def test_an_odd_cookie_or_origin_of_others_breaks_nothing():
    asked = client(token=TOKEN)
    odd = {"cookie": f'other={{"a": 1}}; rfacenet-token={TOKEN}'}
    assert asked.get("/api/limits", headers=odd).status_code == 200
    assert asked.get("/api/limits", headers={**odd, "origin": "http://["}).status_code == 403
