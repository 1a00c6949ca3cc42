"""``rfacenet serve``: the page that measures before the camera, and the interface for programs."""

from __future__ import annotations

import argparse
import secrets
import sys
from dataclasses import replace
from pathlib import Path

from rfacenet.cli.command import ANSWERED, Commands, add_command, given, positive, positive_count
from rfacenet.errors import SettingsError

EPILOG = """examples:
  rfacenet serve --open
  rfacenet serve --host 0.0.0.0 --tls-certificate cert.pem --tls-key key.pem

Browsers give a camera to pages of this machine and to https alone: other machines need a certificate.
Whoever comes from elsewhere needs the token in the address that is shown; docs/api.md says how programs
bring it."""


def add(commands: Commands) -> None:
    """Add the command to the parser. What isn't given has the default of ``ServeSettings``."""
    summary = "A page that measures before the camera, on this machine alone; and an API."
    option = add_command(commands, "serve", _run, summary, EPILOG).add_argument
    option("--host", metavar="ADDRESS", help="address to listen on (default: 127.0.0.1, this machine alone)")
    option("--port", type=int, metavar="N", help="port to listen on (default: 8000; 0: any that is free)")
    option("--open", action="store_true", help="open the page in the browser")
    option("--token", metavar="TEXT", help="what clients must know (default: one is made, unless only this "
           "machine can reach the address)")  # fmt: skip
    option("--no-token", action="store_true", help="serve everyone who reaches the address")
    option(
        "--name", action="append", metavar="HOST", help="further host name of this machine; may be repeated"
    )
    option("--tls-certificate", type=Path, metavar="FILE", help="certificate for https, PEM")
    option("--tls-key", type=Path, metavar="FILE", help="its key, PEM")
    option("--max-viewers", type=positive_count, metavar="N", help="cameras at a time (default: two a core)")
    option("--max-videos", type=positive_count, metavar="N", help="videos that wait at a time (default: 8)")
    option("--max-upload-mb", type=positive, metavar="MB", help="largest video (default: 500)")
    option("--max-video-s", type=positive, metavar="S", help="longest work on one video (default: 600)")
    option("--max-memory-mb", type=positive, metavar="MB", help="most memory for one video (default: 3000)")


def _run(options: argparse.Namespace) -> int:
    try:
        from rfacenet.web.server import serve
        from rfacenet.web.settings import ServeSettings
    except ModuleNotFoundError as error:
        raise SettingsError(f"The service needs {error.name}: pip install 'rfacenet[web]'.") from error

    if options.no_token and options.token is not None:
        raise SettingsError("--token and --no-token exclude each other; give one.")
    if (options.tls_certificate is None) != (options.tls_key is None):
        raise SettingsError("--tls-certificate and --tls-key go together; give both.")
    limits = ("max_viewers", "max_videos", "max_upload_mb", "max_video_s", "max_memory_mb")
    is_encrypted = options.tls_key is not None
    settings = ServeSettings(
        names=tuple(options.name or ()),
        is_encrypted=is_encrypted,
        **given(options, "host", "port", "token", *limits),
    )
    if settings.token is None and not (options.no_token or settings.is_local):
        settings = replace(settings, token=secrets.token_urlsafe(16))
    if not (settings.is_local or is_encrypted):
        print(
            "rfacenet: without https, others on the network can watch, and browsers on other machines give "
            "no camera; see --tls-certificate.",
            file=sys.stderr,
        )

    def ready(address: str) -> None:
        print(f"{address}\nCtrl-C ends it.", flush=True)
        if options.open:
            import webbrowser

            webbrowser.open(address)

    tls_files = (options.tls_certificate, options.tls_key) if is_encrypted else None
    serve(settings, tls_files=tls_files, when_ready=ready)
    return ANSWERED
