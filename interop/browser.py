"""Headless Chromium, driven by playwright, and what its pages must not do."""

import os
import shutil

import pytest

# Milliseconds for what has to appear; a machine may have much else to do.
PATIENCE = 30000
CHROMIUM = shutil.which("chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

try:
    from playwright.sync_api import expect, sync_playwright
except ImportError:
    expect = sync_playwright = None
else:
    expect.set_options(timeout=PATIENCE)


def missing():
    """What is not installed; None if everything is there."""
    if sync_playwright is None:
        return "the Python package playwright is not installed (see requirements.txt)"
    if CHROMIUM is None:
        return "chromium is not installed (Debian: apt-get install chromium)"
    return None


def need():
    """Skips the test where there is no browser; a run of CI must have one."""
    reason = missing()
    if reason and os.environ.get("CI") == "true":
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)


class Watch:
    """What a page did that it must not do: errors, dialogs, requests to anybody but its gateway."""

    def __init__(self, page, origin):
        self.complaints = []
        self.statuses = []
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.on("dialog", self._dialog)
        page.on("request", lambda request: self._request(request, origin))
        page.on("response", lambda response: self.statuses.append((response.status, response.url)))

    def _console(self, message):
        # Statuses from 400 on are answers like others here.
        if message.type in ("error", "warning") and not message.text.startswith("Failed to load resource: the server responded"):
            self.complaints.append(f"console: {message.text}")

    def _dialog(self, dialog):
        self.complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _request(self, request, origin):
        if not request.url.startswith((f"{origin}/", "data:", "blob:")):
            self.complaints.append(f"request: {request.url}")
