"""Who is let in, and what every answer tells the browser not to do.

A page from elsewhere can make a browser talk to a service on its own machine. Two things keep it out: the
``Host`` that is asked for must be this machine (against a name of the attacker's that is made to point here),
and an ``Origin``, which a browser always sends along where it matters, must be the service itself.
"""

from __future__ import annotations

import hmac
import ipaddress
import json
import socket
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rfacenet.web.settings import ServeSettings

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "media-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
REPORT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; sandbox"
)
"""A report has its style in itself and no script; nothing in it may run."""

SAFE_HEADERS = {
    "content-security-policy": PAGE_POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(self), microphone=(), geolocation=(), display-capture=()",
    "cache-control": "no-store",
}

COOKIE_S = 30 * 24 * 3600
"""How long a browser remembers the token."""

WRONG_TOKEN = "The token is not the right one: open the address that 'rfacenet serve' shows now."
NO_TOKEN = (
    "This service asks for a token: open the address that 'rfacenet serve' shows, with the token in it."
)


class Guard:
    """Lets in who may come in, and marks every answer; around the whole application.

    Args:
        app: What is guarded.
        settings: The token and the names of this machine.
    """

    def __init__(self, app: ASGIApp, settings: ServeSettings) -> None:
        self._app = app
        self._token = None if settings.token is None else settings.token.encode()
        self._names = {"localhost", settings.host, *settings.names}
        if not settings.is_local:
            self._names |= {socket.gethostname(), socket.getfqdn()}
        self._names = {name.lower() for name in self._names}
        self._is_encrypted = settings.is_encrypted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, or one WebSocket from beginning to end."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        marked = _marked(send)
        refusal = self._refusal(scope)
        if refusal is not None:
            await _refuse(scope, receive, marked, *refusal)
        elif self._brings_token(scope):
            await self._remember_token(marked)
        elif not self._knows_token(scope):
            is_wrong = b"token=" in scope["query_string"] or "authorization" in Headers(scope=scope)
            await _refuse(scope, receive, marked, 401, WRONG_TOKEN if is_wrong else NO_TOKEN)
        else:
            await self._app(scope, receive, marked)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        """Why a request may not come in, whatever token it has."""
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._is_ours(hosts[0]):
            return 421, "This machine has another name; ask for it by its address, or see --name."
        origins = headers.getlist("origin")
        if any(_host_of(origin) != hosts[0].lower() for origin in origins):
            return 403, "Pages of other origins may not use this service."
        # Following a link to the page itself is harmless; anything else from elsewhere is not.
        is_link = scope["path"] == "/" and headers.get("sec-fetch-mode") == "navigate"
        if headers.get("sec-fetch-site") in ("cross-site", "same-site") and not is_link:
            return 403, "Pages of other origins may not use this service."
        return None

    def _is_ours(self, host: str) -> bool:
        """Whether a ``Host`` is this machine. A bare address is: no attacker's name can stand for it."""
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return name in self._names
        return True

    def _brings_token(self, scope: Scope) -> bool:
        """Whether this is the page's address with the token in it, as the terminal shows it."""
        if self._token is None or scope["type"] != "http" or (scope["method"], scope["path"]) != ("GET", "/"):
            return False
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [])
        return len(given) == 1 and self._is_token(given[0])

    async def _remember_token(self, send: Send) -> None:
        """Put the token into a cookie, and the address without it into the browser's history."""
        assert self._token is not None
        secure = "; Secure" if self._is_encrypted else ""
        cookie = (
            f"{_COOKIE}={self._token.decode()}; Path=/; HttpOnly; SameSite=Lax; Max-Age={COOKIE_S}{secure}"
        )
        headers = [(b"location", b"/"), (b"set-cookie", cookie.encode()), (b"content-length", b"0")]
        await send({"type": "http.response.start", "status": 303, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    def _knows_token(self, scope: Scope) -> bool:
        if self._token is None:
            return True
        headers = Headers(scope=scope)
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self._is_token(bearer.strip())
        cookies = cookie_parser(headers.get("cookie", ""))  # one odd cookie of another service hides no other
        return _COOKIE in cookies and self._is_token(cookies[_COOKIE])

    def _is_token(self, text: str) -> bool:
        # In constant time: how long it takes tells nothing about how much of a guess was right.
        return self._token is not None and hmac.compare_digest(text.encode("utf-8", "replace"), self._token)


_COOKIE = "rfacenet-token"


def _host_of(origin: str) -> str | None:
    """Host and port of an origin; None if it is none."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return None


def _marked(send: Send) -> Send:
    """``send`` with the safe headers on every answer; an answer's own take precedence."""

    async def marked(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in SAFE_HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return marked


async def _refuse(scope: Scope, receive: Receive, send: Send, status: int, reason: str) -> None:
    """Turn a request away with a sentence; a WebSocket before it begins."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008, "reason": reason})
        return
    # To a person before a browser in plain words.
    is_page = "text/html" in Headers(scope=scope).get("accept", "")
    body = reason.encode() if is_page else json.dumps({"detail": reason}).encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8" if is_page else b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
