"""Secrets that must be read again, encrypted under a master secret that is not in the database."""

import base64
import contextlib
import secrets
import tempfile
from pathlib import Path

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


class SecretBox:
    """Encrypts texts. What was encrypted for one ``purpose`` cannot be decrypted for another."""

    def __init__(self, master_secret: str, purpose: str) -> None:
        kdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=f"concord {purpose} vault".encode())
        self._fernet = _fernet(kdf.derive(master_secret.encode()))

    @classmethod
    def from_key(cls, key: bytes) -> "SecretBox":
        """A box for a key of 32 bytes that was derived elsewhere."""
        box = cls.__new__(cls)
        box._fernet = _fernet(key)
        return box

    def encrypt(self, secret: str) -> str:
        return self.encrypt_bytes(secret.encode()).decode()

    def encrypt_bytes(self, secret: bytes) -> bytes:
        return self._fernet.encrypt(secret)

    def decrypt(self, encrypted: str) -> str:
        """The secret again.

        Raises:
            cryptography.fernet.InvalidToken: encrypted under another master secret or purpose, or tampered with.
        """
        return self.decrypt_bytes(encrypted.encode()).decode()

    def decrypt_bytes(self, encrypted: bytes) -> bytes:
        """Like ``decrypt``, for bytes."""
        return self._fernet.decrypt(encrypted)


def _fernet(key: bytes) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(key))


def development_secret(keys: Path, name: str) -> str:
    """The master secret beside this machine's keys. Made once, also when several processes start at one moment."""
    kept = keys / f"{name}.secret"
    if not kept.exists():
        keys.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=keys, prefix=f".{name}-") as whole:  # made with mode 0600
            whole.write(secrets.token_urlsafe(32))
            whole.flush()
            with contextlib.suppress(FileExistsError):  # another process was first; its secret counts
                kept.hardlink_to(whole.name)
    return kept.read_text().strip()
