"""Seals kept answers that hold a secret, such as a gift card's code, under the API key of who asked.

The store keeps no more of an API key than its SHA-256: it can open such an answer for a request that comes
with the key, and for nobody who reads the database or a backup of it.
"""

from __future__ import annotations

import os

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

# No JSON begins with it.
MARK = b"\0"
_NONCE = 12


def seal(api_key: str, name: str, body: bytes) -> bytes:
    """The body so that only this API key opens it, under this name."""
    nonce = os.urandom(_NONCE)
    return MARK + nonce + _cipher(api_key).encrypt(nonce, body, name.encode())


def unseal(api_key: str, name: str, kept: bytes) -> bytes:
    """The body of what was kept, sealed or not."""
    if not kept.startswith(MARK):
        return kept
    nonce, sealed = kept[len(MARK) :][:_NONCE], kept[len(MARK) + _NONCE :]
    return _cipher(api_key).decrypt(nonce, sealed, name.encode())


def _cipher(api_key: str) -> AESGCM:
    return AESGCM(HKDF(SHA256(), 32, salt=None, info=b"kept answers").derive(api_key.encode()))
