"""A real Chromium for pages, driven by Playwright. It is Debian's: package registries have none."""

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Browser, async_playwright

_OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]
"""Without a sandbox, since it may be root who runs the tests; without what asks others than our pages."""
_INSTALL = ["apt-get", "install", "--yes", "--no-install-recommends", "chromium"]
_REMEDY = f"Install it ({' '.join(_INSTALL)}), or set CHROMIUM to where it is."


class ChromiumMissing(RuntimeError):
    """There is no Chromium, and none could be installed; says what to do."""


@asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    """A browser without a window, with an empty profile, until the context ends."""
    async with async_playwright() as playwright:
        found = await playwright.chromium.launch(executable_path=path(), args=_OPTIONS)
        try:
            yield found
        finally:
            await found.close()


def path() -> str:
    """Where it is; where it is not, root has it installed, once for all who wait for it."""
    if given := os.environ.get("CHROMIUM"):
        return given
    with (Path(tempfile.gettempdir()) / "copilot-chromium.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if shutil.which("chromium") is None:
            _install()
    return shutil.which("chromium") or ""


def _install() -> None:
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise ChromiumMissing(f"chromium is not installed. {_REMEDY}")
    told = ""
    for command in (_INSTALL, ["apt-get", "update"], _INSTALL):
        told = subprocess.run(command, capture_output=True, text=True, check=False).stderr
        if shutil.which("chromium"):
            return
    raise ChromiumMissing(f"apt-get could not install chromium. {_REMEDY}\n{told}")
