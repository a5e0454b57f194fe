"""The key pairs that the processes sign the caller's identity with (see ``chassis.http.identity``)."""

from collections.abc import Iterable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from chassis.data.encryption import write_once


def create_keys(keys: Path, senders: Iterable[str]) -> None:
    """Make a key pair for each sender that has none yet. For development and the first start of a deployment."""
    keys.mkdir(parents=True, exist_ok=True)
    for sender in senders:
        private_file = keys / f"{sender}.key"
        if private_file.exists():
            continue
        private = Ed25519PrivateKey.generate()
        write_once(private_file, private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        written = load_pem_private_key(private_file.read_bytes(), password=None)  # another starter may have been first
        public_pem = written.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        (keys / f"{sender}.pub").write_bytes(public_pem)
