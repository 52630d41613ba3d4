"""What can go wrong between this pipeline and BirdEye, sorted by who is to blame.

Two branches, because a caller reacts in two ways. A `StopFetchingError` is account or service wide:
the run stops and no token or wallet is blamed. An `EntityFetchError` concerns one token or
wallet: its neighbours go on. Every message names the endpoint, the entity, the HTTP status and the
remedy; none carries the API key.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from smart_trader_assets.errors import SmartTraderError
from smart_trader_assets.state.errors import StateError, StateUncertainError


class BirdEyeError(SmartTraderError):
    """Anything that BirdEye, or the way to it, refuses.

    `endpoint` is the URL's path, `entity` what was asked for ("wallet 5ng..."), `status` the HTTP
    status; each is None where there was none.
    """

    def __init__(
        self,
        message: str,
        *,
        endpoint: str | None = None,
        entity: str | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(message)
        self.endpoint = endpoint
        self.entity = entity
        self.status = status


class StopFetchingError(BirdEyeError):
    """No entity can be fetched now: stop the run, and blame no row."""


class MissingKeyError(StopFetchingError):
    """No API key is set."""


class InvalidKeyError(StopFetchingError):
    """The API key is not one that BirdEye knows (401), or could never be sent in a header."""


class PlanError(StopFetchingError):
    """The account's plan does not include the endpoint, or the account is suspended (401)."""


class BlockedError(StopFetchingError):
    """The caller is blocked or not on the key's list of allowed addresses (403)."""


class CreditsSpentError(StopFetchingError):
    """BirdEye says that the month's credits are used up (400)."""


class BudgetSpentError(StopFetchingError):
    """The next request would exceed a budget; it was not sent. `scope`: the run's, the day's or the month's."""

    def __init__(
        self, message: str, *, endpoint: str | None = None, scope: str | None = None
    ) -> None:
        super().__init__(message, endpoint=endpoint)
        self.scope = scope


class ApiUnreachableError(StopFetchingError):
    """No connection: name resolution, refusal, TLS, a wrong base URL."""


class RedirectedError(StopFetchingError):
    """The service says that it is elsewhere (301, 302, ...); no request follows it there."""


class ServiceOutageError(StopFetchingError):
    """Enough entities failed in a row by the server's fault to call it an outage."""


class StateFileError(StopFetchingError):
    """The file or the database that shares rate or credits between processes cannot be used."""


@contextmanager
def without_state_nothing_is_fetched() -> Iterator[None]:
    """Raise what the shared state raises as StateFileError."""
    try:
        yield
    except StateUncertainError:
        raise
    except StateError as error:
        raise StateFileError(str(error)) from error


class EntityFetchError(BirdEyeError):
    """This token or wallet could not be fetched; others can."""


class NotFoundError(EntityFetchError):
    """BirdEye does not know the token or wallet (404)."""


class BadRequestError(EntityFetchError):
    """BirdEye refuses the parameters of this request (400 and other 4xx)."""


class CallerBugError(EntityFetchError):
    """The request contradicts the API's contract (422), or would, and was not sent."""


class RateLimitedError(EntityFetchError):
    """The account's rate limit was hit on every attempt (429).

    `retry_after` is the wait that the server asked for, in seconds, or None.
    """

    def __init__(
        self,
        message: str,
        *,
        endpoint: str | None = None,
        entity: str | None = None,
        status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, endpoint=endpoint, entity=entity, status=status)
        self.retry_after = retry_after


class ServerError(EntityFetchError):
    """The server failed on every attempt: 5xx, a timeout, a cut answer, `success: false`."""


class InvalidResponseError(ServerError):
    """The server answered with something that is not the documented envelope."""


class FormatChangedError(InvalidResponseError):
    """Not one item of a page, or of a history, can be read: the source's format has changed."""
