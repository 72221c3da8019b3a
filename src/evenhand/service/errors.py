"""What the service refuses, beyond the errors of the library; the API gives each its status."""

from __future__ import annotations

from typing import Any, final

from evenhand.errors import EvenhandError

__all__ = ["ConflictError", "ForbiddenError", "LimitError", "MissingError", "UnavailableError"]


@final
class ConflictError(EvenhandError):
    """Another request stands where this one should: ``expected`` says what would be accepted."""

    def __init__(self, text: str, expected: dict[str, Any]) -> None:
        super().__init__(text)
        self.expected = expected


@final
class MissingError(EvenhandError):
    """No such controller, round or page."""


@final
class ForbiddenError(EvenhandError):
    """No token, an unknown or revoked one, or one without the right: ``known`` says whether the token was known."""

    def __init__(self, text: str, known: bool) -> None:
        super().__init__(text)
        self.known = known


@final
class LimitError(EvenhandError):
    """Too large or too often; ``wait``: seconds after which it would be accepted, None where it never is."""

    def __init__(self, text: str, wait: float | None = None) -> None:
        super().__init__(text)
        self.wait = wait


@final
class UnavailableError(EvenhandError):
    """The store cannot be written or read now. Nothing of the request was kept, or it is found when asked again:
    where the connection broke within a commit, only the database knows."""
