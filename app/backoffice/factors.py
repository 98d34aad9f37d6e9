"""What staff prove themselves with: a password (argon2id), a code of the moment (TOTP), recovery codes.

The TOTP secret is made of the session key and the member's own random `nonce`: the database alone gives no
codes away. Who changes the session key invites staff anew (`make login`).
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import io
import secrets
import time

import pyotp
import segno
from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 200
STEP_SECONDS = 30
# A phone's clock may be one step off, either way.
DRIFT_STEPS = 1
RECOVERY_CODES = 10
RECOVERY_BYTES = 10  # 80 random bits: a plain hash of them gives nothing away

# RFC 9106's second recommendation is 64 MiB; this is OWASP's: several may sign in at once in 384 MB.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# Verified when there is no such account, so that the answer takes as long.
_NOBODY = _HASHER.hash(secrets.token_hex(16))
_AT_ONCE = asyncio.Semaphore(2)


def judge_password(password: str, *known: str) -> str | None:
    """What is wrong with a new password, or None; `known` are the member's name and address."""
    if len(password) < SHORTEST_PASSWORD:
        return f"Use at least {SHORTEST_PASSWORD} characters, such as four words."
    if len(password) > LONGEST_PASSWORD:
        return f"Use at most {LONGEST_PASSWORD} characters."
    if len(set(password.lower())) < 5:
        return "Use more than a few different characters."
    parts = {part for text in known for part in text.lower().replace("@", " ").split() if len(part) > 3}
    if any(len(password) - len(part) < 8 for part in parts if part in password.lower()):
        return "Your name or address is most of it: use other words."
    return None


async def hash_password(password: str) -> str:
    async with _AT_ONCE:
        return await asyncio.to_thread(_HASHER.hash, password)


async def is_password(stored: str | None, password: str) -> bool:
    """Whether the password fits; takes as long when there is none stored."""
    if len(password) > LONGEST_PASSWORD:
        return False
    async with _AT_ONCE:
        fits = await asyncio.to_thread(_verify, stored or _NOBODY, password)
    return fits and stored is not None


def _verify(stored: str, password: str) -> bool:
    try:
        return _HASHER.verify(stored, password)
    except (Argon2Error, InvalidHashError):
        return False


def new_nonce() -> bytes:
    return secrets.token_bytes(16)


def totp_secret(session_key: bytes, nonce: bytes) -> str:
    """The secret that the member's phone knows, in base32."""
    return base64.b32encode(hmac.new(session_key, b"totp\0" + nonce, hashlib.sha256).digest()[:20]).decode()


def find_step(secret: str, code: str, now: float | None = None) -> int | None:
    """The 30-second step for which this is the code, or None. The caller refuses steps already used."""
    code = code.replace(" ", "")
    if not (code.isascii() and code.isdecimal() and len(code) == 6):
        return None
    totp = pyotp.TOTP(secret)
    current = int((time.time() if now is None else now) // STEP_SECONDS)
    steps = range(current - DRIFT_STEPS, current + DRIFT_STEPS + 1)
    return next((step for step in steps if hmac.compare_digest(totp.generate_otp(step), code)), None)


def totp_address(secret: str, email: str, shop: str) -> str:
    """The otpauth: address that an authenticator app reads."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=shop)


def draw_qr(text: str) -> str:
    """An inline SVG without styles or scripts."""
    out = io.BytesIO()
    segno.make(text, error="m").save(
        out,
        kind="svg",
        xmldecl=False,
        svgns=False,
        omitsize=True,
        border=3,
        svgclass="qr",
        lineclass=None,
        light="#fff",
    )
    return out.getvalue().decode()


def new_recovery_codes() -> list[str]:
    """Codes to print out, each good for one sign-in without the phone."""
    raw = [
        base64.b32encode(secrets.token_bytes(RECOVERY_BYTES)).decode().lower() for _ in range(RECOVERY_CODES)
    ]
    return ["-".join(code[at : at + 4] for at in range(0, len(code), 4)) for code in raw]


def hash_recovery_code(code: str) -> bytes:
    return hashlib.sha256(code.strip().lower().replace("-", "").replace(" ", "").encode()).digest()


def hash_token(token: str) -> bytes:
    """What the database keeps of a one-time link."""
    return hashlib.sha256(token.encode()).digest()
