"""A web server on this machine that answers as it is told, with or without a certificate."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Told:
    """One answer; a body of several pieces is sent piece by piece."""

    status: int = 200
    body: bytes | Iterable[bytes] = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Loopback:
    """What was asked, and what is answered."""

    answer: Callable[[int], Told]
    """By the number of the request, from 0."""
    url: str = ""
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    """Paths, and headers in lower case."""


@contextmanager
def serving(answer: Callable[[int], Told], certificate: Path | None = None) -> Iterator[Loopback]:
    """Serve until the block ends; `certificate` is a PEM file with its key."""
    said = Loopback(answer)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            said.asked.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
            told = said.answer(len(said.asked) - 1)
            self.send_response(told.status)
            for name, value in told.headers.items():
                self.send_header(name, value)
            if isinstance(told.body, bytes):
                self.send_header("Content-Length", str(len(told.body)))
                self.end_headers()
                self.wfile.write(told.body)
                return
            self.send_header("Connection", "close")
            self.end_headers()
            try:
                for piece in told.body:
                    self.wfile.write(piece)
            except OSError:
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the base class
            pass

    class Quiet(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """A client that does not trust us hangs up."""

    server = Quiet(("127.0.0.1", 0), Handler)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    said.url = f"http{'s' if certificate else ''}://localhost:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield said
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass(frozen=True)
class Authority:
    """Signs certificates; `file` is what a client is to trust."""

    folder: Path
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def new(cls, folder: Path) -> Authority:
        folder.mkdir(parents=True, exist_ok=True)
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test authority")])
        usage = x509.KeyUsage(
            digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False, key_encipherment=False,
            data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
        )  # fmt: skip
        builder = _dated(x509.CertificateBuilder(), 0, 10).subject_name(name).issuer_name(name).public_key(key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).add_extension(usage, critical=True)
        certificate = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False).sign(key, hashes.SHA256())
        (folder / "authority.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return cls(folder, key, certificate)

    @property
    def file(self) -> Path:
        return self.folder / "authority.pem"

    def sign(self, name: str, host: str = "localhost", first_day: int = 0, last_day: int = 10) -> Path:
        """A certificate and its key in one file; days count from today."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        builder = _dated(x509.CertificateBuilder(), first_day, last_day).subject_name(subject).issuer_name(self.certificate.subject)
        names = x509.SubjectAlternativeName([x509.DNSName(host), *([x509.IPAddress(ip_address("127.0.0.1"))] if host == "localhost" else [])])
        builder = builder.public_key(key.public_key()).add_extension(names, critical=False)
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        certificate = builder.add_extension(identifier, critical=False).sign(self.key, hashes.SHA256())
        private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        path = self.folder / f"{name}.pem"
        path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
        return path


def _dated(builder: x509.CertificateBuilder, first_day: int, last_day: int) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    builder = builder.not_valid_before(now + timedelta(days=first_day, hours=-1)).not_valid_after(now + timedelta(days=last_day))
    return builder.serial_number(x509.random_serial_number())
