"""Logging in with a certificate: random bytes, signed with its private key."""

from __future__ import annotations

import base64
import struct
from collections.abc import Callable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from sage300_assets.base.errors import ConfigurationError
from sage300_assets.base.secret import Secret

RANDOM_BYTES = 150


class Signer:
    """Signs logins of one certificate."""

    def __init__(self, certificate: Path, private_key: Path, password: Secret) -> None:
        try:
            self._pem = certificate.read_bytes()
            known = x509.load_pem_x509_certificate(self._pem)
        except (OSError, ValueError) as problem:
            raise ConfigurationError("ANAPLAN_CERTIFICATE_FILE cannot be read as a certificate.", cure="Give a PEM file.") from problem
        try:
            key = serialization.load_pem_private_key(private_key.read_bytes(), password.reveal().encode() if password else None)
        except (OSError, TypeError, ValueError):
            # What went wrong may quote the key or its password.
            key = None
        if not isinstance(key, rsa.RSAPrivateKey):
            raise ConfigurationError(
                "ANAPLAN_PRIVATE_KEY_FILE cannot be used as an RSA private key.",
                cure="Give a PEM file, and ANAPLAN_PRIVATE_KEY_PASSWORD if it has one.",
            )
        if key.public_key() != known.public_key():
            raise ConfigurationError("The private key does not belong to the certificate.", cure="Set both files from the same pair.")
        self._key = key

    @property
    def header(self) -> str:
        """The header that shows the certificate."""
        return f"CACertificate {base64.b64encode(self._pem).decode()}"

    def body(self, form: str, now: float, random: Callable[[int], bytes]) -> dict[str, str]:
        """The body that proves the possession of the key. The second form begins with the time, in seconds, as eight bytes."""
        data = random(RANDOM_BYTES)
        if form == "v2":
            data = struct.pack(">q", int(now)) + data
        signature = self._key.sign(data, padding.PKCS1v15(), hashes.SHA512())
        found = {"encodedData": base64.b64encode(data).decode(), "encodedSignedData": base64.b64encode(signature).decode()}
        return {"encodedDataFormat": "v2", **found} if form == "v2" else found
