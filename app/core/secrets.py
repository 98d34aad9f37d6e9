"""Secrets by reference: a file, or an ARN of AWS Secrets Manager. A refused password is read again.

Reading blocks, for a few seconds at most. AWS's credentials are those of the task (or of the environment);
its client is loaded only where a secret has an ARN.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import structlog
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.credentials import CredentialProvider
from redis.exceptions import AuthenticationError

log = structlog.get_logger()

CONNECT_SECONDS = 3
READ_SECONDS = 5


class SecretError(Exception):
    """A secret cannot be read; the message says why and never what was in it."""


def read_file(path: str) -> str:
    """Return the file's text without the white space around it. Raises SecretError."""
    try:
        return Path(path).read_text().strip()
    except OSError as error:
        raise SecretError(error.strerror or repr(error)) from error


def read_arn(arn: str) -> str:
    """Return the secret's newest value; of a database credential (JSON) its password. Raises SecretError."""
    text = _newest(arn)
    return _credential_of(text)[1] if text.startswith("{") else text.strip()


def read_user(arn: str) -> tuple[str, str]:
    """Return a database credential's user and password. Raises SecretError."""
    return _credential_of(_newest(arn))


def _newest(arn: str) -> str:
    from botocore.exceptions import BotoCoreError, ClientError

    parts = arn.split(":")
    if len(parts) < 7 or parts[2] != "secretsmanager":
        raise SecretError("it must look like arn:aws:secretsmanager:<region>:<account>:secret:<name>")
    try:
        return str(_manager(parts[3]).get_secret_value(SecretId=arn).get("SecretString", ""))
    except ClientError as error:
        raise SecretError(str(error)) from error
    except BotoCoreError as error:
        raise SecretError(f"Secrets Manager does not answer: {error}") from error


def _credential_of(text: str) -> tuple[str, str]:
    try:
        found = json.loads(text)
        return str(found.get("username", "")), str(found["password"])
    except (ValueError, KeyError, AttributeError) as error:
        raise SecretError("it is no JSON object with a `password`") from error


@lru_cache
def _manager(region: str) -> Any:
    from botocore.config import Config
    from botocore.session import get_session

    limits = Config(
        connect_timeout=CONNECT_SECONDS, read_timeout=READ_SECONDS, retries={"total_max_attempts": 2}
    )
    return get_session().create_client("secretsmanager", region_name=region, config=limits)


class Credential:
    """A password that may be replaced while the store runs: the one read last, and how to read it again."""

    def __init__(self, value: str, read: Callable[[], str]) -> None:
        self._value, self._read = value, read
        self._lock = threading.Lock()

    def __deepcopy__(self, _memo: object) -> Credential:
        return self

    @property
    def value(self) -> str:
        """The password that was read last."""
        return self._value

    def read_again(self, refused: str | None = None) -> bool:
        """Read it anew; of many callers whose password was `refused`, one does. Says whether it differs from
        what was refused. When it cannot be read, the last one stays.
        """
        with self._lock:
            if refused is None or self._value == refused:
                try:
                    self._value = self._read()
                except SecretError as error:
                    log.warning("a secret cannot be read again", error=str(error))
            return self._value != refused

    def newest(self) -> str:
        """Read it anew and return it: for the few connections whose refusal cannot be seen."""
        self.read_again()
        return self._value

    async def renew(self, refused: str) -> bool:
        """`read_again`, beside the event loop."""
        return await asyncio.to_thread(self.read_again, refused)


class _RedisCredential(CredentialProvider):
    """Hands Redis the password that was read last."""

    def __init__(self, user: str | None, credential: Credential) -> None:
        self._user, self._credential = user, credential

    def get_credentials(self) -> tuple[str] | tuple[str, str]:
        password = self._credential.value
        return (self._user, password) if self._user else (password,)

    async def get_credentials_async(self) -> tuple[str] | tuple[str, str]:
        return self.get_credentials()


class _Renewing(Retry):
    """Signs in once more, with the password read again, when Redis refuses it; retries nothing else."""

    def __init__(self, credential: Credential) -> None:
        super().__init__(NoBackoff(), 1, (AuthenticationError,))
        self._credential = credential

    async def call_with_retry(
        self,
        do: Callable[[], Any],
        fail: Callable[..., Any],
        is_retryable: Callable[[Exception], bool] | None = None,
        with_failure_count: bool = False,
    ) -> Any:
        """Call `do`; after a refusal read the password again and call it once more."""
        used = self._credential.value

        async def renew(error: Exception, *failures: int) -> None:
            await fail(error, *failures)
            await self._credential.renew(used)

        return await super().call_with_retry(do, renew, is_retryable, with_failure_count)


def redis_sign_in(url: str, credential: Credential | None) -> tuple[str, dict[str, Any]]:
    """Return the address and the options with which a Redis client signs in, and again after a rotation."""
    if credential is None:
        return url, {}
    parts = urlsplit(url)
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    provider = _RedisCredential(parts.username, credential)
    return bare, {"credential_provider": provider, "retry": _Renewing(credential)}
