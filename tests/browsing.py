"""A headless Chromium for tests and screenshots, where one is installed."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from importlib.util import find_spec

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
#: milliseconds after which something that should show is missed
PATIENCE = 60_000


def missing():
    """Why there is no browser to test with, "" where there is one."""
    if find_spec("playwright") is None:
        return "playwright is not installed"
    return "" if path() else "no Chromium is installed: apt-get install chromium"


def path():
    """The program."""
    names = (os.environ.get("EVENHAND_TEST_CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome")
    return next((found for name in names if name and (found := shutil.which(name))), None)


@contextmanager
def browser():
    """One browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        one = play.chromium.launch(executable_path=path(), args=ARGUMENTS, timeout=2 * PATIENCE)
        yield one
        one.close()
