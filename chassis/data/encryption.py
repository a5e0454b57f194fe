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
        # The label is part of the key: with another word than "vault" no stored secret could be decrypted.
        kdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=f"concord {purpose} vault".encode())
        self._fernet = Fernet(base64.urlsafe_b64encode(kdf.derive(master_secret.encode())))

    def encrypt(self, secret: str) -> str:
        return self._fernet.encrypt(secret.encode()).decode()

    def decrypt(self, encrypted: str) -> str:
        """The secret again.

        Raises:
            cryptography.fernet.InvalidToken: encrypted under another master secret or purpose, or tampered with.
        """
        return self._fernet.decrypt(encrypted.encode()).decode()


def development_secret(keys: Path, name: str) -> str:
    """The master secret beside this machine's keys. Made once, also when several processes start at one moment."""
    file = keys / f"{name}.secret"
    if not file.exists():
        keys.mkdir(parents=True, exist_ok=True)
        write_once(file, secrets.token_urlsafe(32).encode())
    return file.read_text().strip()


def write_once(file: Path, content: bytes) -> None:
    """Write a secret file whole or not at all; where another process was first, its file stays."""
    with tempfile.NamedTemporaryFile(dir=file.parent, prefix=f".{file.stem}-") as temporary:  # made with mode 0600
        temporary.write(content)
        temporary.flush()
        with contextlib.suppress(FileExistsError):
            file.hardlink_to(temporary.name)
