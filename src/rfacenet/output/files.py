"""Where results may be written, and writing them."""

from __future__ import annotations

import os
from pathlib import Path

from rfacenet.errors import OutputError
from rfacenet.files import whole_file


def check_writable(path: Path) -> None:
    """Find out before the work whether its result will have a place.

    Raises:
        OutputError: The folder is missing or may not be written to, or ``path`` is a folder.
    """
    target = path.resolve()
    folder = target.parent
    if target.is_dir():
        raise OutputError(f"'{path}' is a folder; name a file to write to.")
    if not folder.is_dir():
        raise OutputError(f"'{path}' cannot be written: there is no folder '{path.parent}'; create it first.")
    if target.exists():
        # The mode as well: whoever may write anything (root) should not replace what is marked read-only.
        allowed = os.access(target, os.W_OK) and target.stat().st_mode & 0o222
        allowed = allowed and (os.access(folder, os.W_OK) or not target.is_file())
    else:
        allowed = os.access(folder, os.W_OK)
    if not allowed:
        raise OutputError(f"'{path}' cannot be written: permission denied; choose another place.")


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 file as :func:`write_bytes` does; file names that are no valid text are escaped.

    Raises:
        OutputError: The file cannot be written; what was there before is untouched.
    """
    write_bytes(path, text.encode("utf-8", errors="backslashreplace"))


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file under a temporary name and rename it, so that it is never half there.

    A link stays one, and what is no regular file (a pipe, a device) is written to directly.

    Raises:
        OutputError: The file cannot be written; what was there before is untouched.
    """
    check_writable(path)
    target = path.resolve()
    try:
        if target.exists() and not target.is_file():
            target.write_bytes(content)
        else:
            with whole_file(target) as file:
                file.write(content)
    except OSError as error:
        raise OutputError(f"'{path}' cannot be written: {error.strerror}; choose another place.") from error
