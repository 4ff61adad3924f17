"""The cryptography of the user-based security model: keys, signatures, encryption. Pure.

RFC 3414 (MD5, SHA-1, DES), RFC 7860 (SHA-2), RFC 3826 (AES-128) and draft-blumenthal-aes-usm-04 (AES-192 and AES-256,
as net-snmp and its managers do it). The primitives are those of hashlib and of the cryptography package.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from apcbridge.snmp.settings import AuthProtocol, PrivProtocol

if TYPE_CHECKING:
    from apcbridge.snmp.settings import User

_STRETCHED = 1024 * 1024
"""Octets that a pass phrase is repeated to (RFC 3414, A.2)."""


_HASHES = {
    AuthProtocol.MD5: ("md5", 12),
    AuthProtocol.SHA: ("sha1", 12),
    AuthProtocol.SHA224: ("sha224", 16),
    AuthProtocol.SHA256: ("sha256", 24),
    AuthProtocol.SHA384: ("sha384", 32),
    AuthProtocol.SHA512: ("sha512", 48),
}
"""Name of the hash, and the octets of the signature that travel."""

_KEY_SIZES = {PrivProtocol.DES: 16, PrivProtocol.AES128: 16, PrivProtocol.AES192: 24, PrivProtocol.AES256: 32}


class DecryptionFailed(Exception):
    """The octets cannot have been encrypted by the protocol."""


def _digest(auth: AuthProtocol, content: bytes) -> bytes:
    # MD5 and SHA-1 are what the named protocols are; they sign, nothing else is derived from them here.
    return hashlib.new(_HASHES[auth][0], content, usedforsecurity=False).digest()


@lru_cache(maxsize=64)
def _stretched_key(auth: AuthProtocol, pass_phrase: str) -> bytes:
    """Return the digest of a megabyte of pass phrase: milliseconds, so it is made once for all engines."""
    phrase = pass_phrase.encode()
    return _digest(auth, (phrase * (_STRETCHED // len(phrase) + 1))[:_STRETCHED])


def localized_key(auth: AuthProtocol, pass_phrase: str, engine_id: bytes) -> bytes:
    """Return the key that a pass phrase gives at one engine (RFC 3414, A.2)."""
    key = _stretched_key(auth, pass_phrase)
    return _digest(auth, key + engine_id + key)


def _privacy_key(auth: AuthProtocol, priv: PrivProtocol, pass_phrase: str, engine_id: bytes) -> bytes:
    """Return a key of the protocol's length; AES-192 and AES-256 extend the hash (Blumenthal, 3.1.2.1)."""
    key = localized_key(auth, pass_phrase, engine_id)
    while len(key) < _KEY_SIZES[priv]:
        key += _digest(auth, key)
    return key[: _KEY_SIZES[priv]]


@dataclass(frozen=True, slots=True, repr=False)
class Keys:
    """A user's keys at one engine."""

    auth: AuthProtocol
    auth_key: bytes
    priv: PrivProtocol
    priv_key: bytes

    @classmethod
    def of(cls, user: User, engine_id: bytes) -> Keys:
        """Make a user's keys from the pass phrases."""
        return cls(
            user.auth,
            localized_key(user.auth, user.auth_phrase, engine_id),
            user.priv,
            _privacy_key(user.auth, user.priv, user.priv_phrase, engine_id),
        )

    @property
    def signature_size(self) -> int:
        """Return how many octets a signature has."""
        return _HASHES[self.auth][1]

    def sign(self, message: bytes) -> bytes:
        """Return the signature of a whole message whose signature field is zero."""
        name, size = _HASHES[self.auth]
        return hmac.new(self.auth_key, message, name).digest()[:size]

    def signed_by(self, message: bytes, signature: bytes) -> bool:
        """Tell whether the signature is that of the message, in constant time."""
        return hmac.compare_digest(self.sign(message), signature)

    def encrypt(self, plain: bytes, boots: int, time_s: int, counter: int) -> tuple[bytes, bytes]:
        """Return the encrypted octets and the salt that goes with them; ``counter`` must never repeat."""
        if self.priv is PrivProtocol.DES:
            salt = boots.to_bytes(4) + (counter & 0xFFFFFFFF).to_bytes(4)
            padded = plain + bytes(-len(plain) % 8)
            encryptor = self._des(salt).encryptor()
        else:
            salt = counter.to_bytes(8)
            padded = plain
            encryptor = self._aes(boots, time_s, salt).encryptor()
        return encryptor.update(padded) + encryptor.finalize(), salt

    def decrypt(self, secret: bytes, boots: int, time_s: int, salt: bytes) -> bytes:
        """Return the plain octets, padding included; raise DecryptionFailed."""
        if len(salt) != 8 or (self.priv is PrivProtocol.DES and len(secret) % 8):
            raise DecryptionFailed
        cipher = self._des(salt) if self.priv is PrivProtocol.DES else self._aes(boots, time_s, salt)
        decryptor = cipher.decryptor()
        return decryptor.update(secret) + decryptor.finalize()

    def _des(self, salt: bytes) -> Cipher[CBC]:
        key, pre_iv = self.priv_key[:8], self.priv_key[8:16]
        iv = bytes(a ^ b for a, b in zip(pre_iv, salt, strict=True))
        # Three times the same key is single DES.
        return Cipher(TripleDES(key * 3), CBC(iv))

    def _aes(self, boots: int, time_s: int, salt: bytes) -> Cipher[CFB]:
        return Cipher(AES(self.priv_key), CFB(boots.to_bytes(4) + time_s.to_bytes(4) + salt))
