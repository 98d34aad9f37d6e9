"""Signed cookies and form tokens: HMAC-SHA256 under the session key, compared in constant time."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

from litestar import Request, Response
from litestar.datastructures import Cookie

from app.core.problems import Problem
from app.core.settings import Settings

# A guest's cart is kept as long as carts are; the browser renews it with each visit of the cart.
COOKIE_SECONDS = 30 * 24 * 3600


def sign(settings: Settings, purpose: str, value: str) -> str:
    """The signature of `value`; one for another purpose never fits."""
    digest = hmac.new(settings.secrets.session_key, f"{purpose}\0{value}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def is_signed(settings: Settings, purpose: str, value: str, signature: str) -> bool:
    return hmac.compare_digest(sign(settings, purpose, value).encode(), signature.encode())


def cookie_name(settings: Settings, name: str) -> str:
    """`__Host-` binds the cookie to this very host over HTTPS; browsers refuse it on plain HTTP."""
    return f"__Host-{name}" if settings.is_https else name


def read_cookie(settings: Settings, request: Request[Any, Any, Any], name: str) -> str | None:
    """Return the cookie's value, or None when it is missing or its signature does not fit."""
    value, _, signature = request.cookies.get(cookie_name(settings, name), "").rpartition(".")
    return value if value and is_signed(settings, f"cookie:{name}", value, signature) else None


def set_cookie(settings: Settings, response: Response[Any], name: str, value: str) -> None:
    response.set_cookie(
        Cookie(
            key=cookie_name(settings, name),
            value=f"{value}.{sign(settings, f'cookie:{name}', value)}",
            max_age=COOKIE_SECONDS,
            path="/",
            secure=settings.is_https,
            httponly=True,
            samesite="lax",
        )
    )


def form_token(settings: Settings, owner: str) -> str:
    """The hidden `csrf_token` of forms shown to the owner of this cart."""
    return sign(settings, "form", owner)


def check_form_token(settings: Settings, owner: str, token: str) -> None:
    """Raise a 403 unless the form was made by this store for this owner."""
    if not is_signed(settings, "form", owner, token):
        raise Problem(
            403, "stale-form", "This form is no longer valid", "Please reload the page and send it again."
        )
