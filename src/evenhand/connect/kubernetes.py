"""What the Kubernetes connections share: reading an object, and a server-side apply of a part of it.

The list that a weight or quota stands in is atomic in the published schemas: whoever applies one number takes the whole
list. So it is read, changed in that one place and sent back with the version it was read at; an edit in between is
refused by the server (409) and made anew in the next round. Taking it from another manager needs ``force``, said once.
Source: https://kubernetes.io/docs/reference/using-api/server-side-apply/
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evenhand.connect.link import Link, Server
from evenhand.connect.records import Sending
from evenhand.errors import ProblemError, RefusedError

__all__ = ["apply", "read", "send"]

#: the media type of a server-side apply; JSON is YAML
FORM = "application/apply-patch+yaml"


def read(link: Link, server: Server, path: str, what: str) -> Mapping[str, Any]:
    """The object at a path. Raises ProblemError where it is not there, RefusedError as the server."""
    try:
        found = link.ask(server, "GET", path)
    except RefusedError as error:
        if error.status == 404:
            raise ProblemError(f"{what} is not there: check its name, namespace and version") from None
        if error.status in (401, 403):
            raise ProblemError(f"{what} may not be read ({error.status}): check the token, and its role") from None
        raise
    parts = [found.get("metadata"), found.get("spec")] if isinstance(found, Mapping) else [None]
    if not all(isinstance(part, Mapping) for part in parts) or not isinstance(found["metadata"].get("name"), str):
        raise ProblemError(f"{what}: the server does not answer as the Kubernetes API does")
    return found


def apply(
    path: str, manager: str, found: Mapping[str, Any], spec: Mapping[str, Any], force: bool, told: str
) -> Sending:
    """The server-side apply of a part of ``spec``, at the version that was read.

    manager: whatever one manager applied before and leaves out now is taken away, so each kind of target has its own.
    """
    meta = found["metadata"]
    kept = {name: meta[name] for name in ("name", "namespace", "resourceVersion") if name in meta}
    body = {"apiVersion": found["apiVersion"], "kind": found["kind"], "metadata": kept, "spec": spec}
    query = {"fieldManager": manager, "force": "true" if force else "false", "fieldValidation": "Strict"}
    return Sending(told, "PATCH", path, body, query, FORM)


def send(link: Link, server: Server, sending: Sending, what: str) -> None:
    """Send it. Raises ProblemError for a conflict and for a right that is missing, RefusedError as the server."""
    try:
        link.ask(server, sending.method, sending.to, sending.query, sending.body, sending.form)
    except RefusedError as error:
        if error.status == 409:
            owners = _owners(error.body)
            if owners:
                raise ProblemError(
                    f"{what} is managed by {owners}: take the weights out of what it applies, then set force: true"
                ) from None
            raise ProblemError(
                f"{what} was changed by somebody else meanwhile: nothing was sent, the next round will"
            ) from None
        if error.status in (401, 403):
            raise ProblemError(f"{what} may not be changed: {error}; check the token, its role, the webhooks") from None
        raise


def _owners(body: Any) -> str:
    """The managers named in a conflict of fields; "" for a conflict of versions."""
    try:
        causes = [c for c in body["details"]["causes"] if c.get("reason") == "FieldManagerConflict"]
    except (KeyError, TypeError):
        return ""
    return ", ".join(sorted({str(c["message"]).removeprefix("conflict with ") for c in causes}))[:120]
