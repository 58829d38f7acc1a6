"""Attack: somebody between two machines reads the database's password, or plays the server."""

import datetime as dt
import ipaddress
import socket
import socketserver
import ssl
import struct
from contextlib import contextmanager, suppress
from threading import Thread

import pytest
import sqlalchemy as sa
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from connectors.database import open_database, stays_here
from connectors.errors import AskPerson
from flows.operations.home import Address, Home
from flows.server_address import check_server_address

#: Every Linux machine answers at it, and it is not one of the names that we take for our own.
ELSEWHERE = "127.0.0.2"

PASSWORD = "password-of-the-database"

_SSL_REQUEST = 80877103
_ASK_FOR_PASSWORD = struct.pack("!cii", b"R", 8, 3)


class _Between(socketserver.BaseRequestHandler):
    """Speaks PostgreSQL as far as the password: in plain text, or under its certificate."""

    def handle(self):
        self.request.settimeout(20)
        connection = self.request
        with suppress(OSError, struct.error):
            if struct.unpack("!ii", connection.recv(8))[1] == _SSL_REQUEST:
                connection.sendall(b"S" if self.server.tls else b"N")
                if self.server.tls:
                    connection = self.server.tls.wrap_socket(connection, server_side=True)
            connection.recv(10_000)  # who it is, and which database
            connection.sendall(_ASK_FOR_PASSWORD)
            self.server.heard.append(connection.recv(10_000))
        connection.close()


@contextmanager
def between(tls=None):
    """Serve the attacker; return the database's address there, and what it hears."""
    with socketserver.ThreadingTCPServer((ELSEWHERE, 0), _Between) as server:
        server.daemon_threads = True
        server.tls, server.heard = tls, []
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        port = server.server_address[1]
        try:
            yield f"postgresql+psycopg://books:{PASSWORD}@{ELSEWHERE}:{port}/books", server.heard
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """Return a certificate authority of nobody's trust: its file, and a context for the server."""
    folder = tmp_path_factory.mktemp("authority")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, ELSEWHERE)])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(ELSEWHERE))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    (folder / "ca.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "ca.pem", folder / "key.pem")
    return folder / "ca.pem", context


@pytest.fixture(autouse=True)
def _at_home(monkeypatch, tmp_path):
    for name in ("PGSSLMODE", "PGSSLROOTCERT", "PGHOST", "PREFECT_API_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)


# --- the database ------------------------------------------------------------------------------


def test_a_server_without_tls_gets_no_password():
    """Whoever takes TLS away hears nothing; the person learns what to do."""
    with between() as (url, heard), pytest.raises(AskPerson, match="sslmode") as raised:
        open_database(url)

    assert b"".join(heard) == b""
    assert PASSWORD not in str(raised.value)


def test_a_server_with_a_certificate_of_its_own_making_gets_no_password(authority):
    """Encrypted is not enough: anybody can encrypt."""
    with between(authority[1]) as (url, heard), pytest.raises(AskPerson, match="certificate"):
        open_database(url)

    assert PASSWORD.encode() not in b"".join(heard)


def test_the_environment_alone_does_not_weaken_it(monkeypatch):
    """Only the address says otherwise, in so many words."""
    monkeypatch.setenv("PGSSLMODE", "prefer")
    with between() as (url, heard), pytest.raises(AskPerson):
        open_database(url)

    assert b"".join(heard) == b""


@pytest.mark.parametrize("said", ["sslrootcert={ca}", "sslmode=require", "sslmode=disable"])
def test_what_the_address_says_in_so_many_words_goes(authority, said):
    """An authority of one's own, encryption without a check, or none: the password goes."""
    tls = None if "disable" in said else authority[1]
    with between(tls) as (url, heard), pytest.raises(AskPerson):
        open_database(f"{url}?{said.format(ca=authority[0])}")  # it ends before it is a database

    assert PASSWORD.encode() in b"".join(heard)


HERE = ["postgresql+psycopg://u@127.0.0.1/b", "postgresql+psycopg://u@[::1]:5433/b",
        "postgresql+psycopg://u@localhost/b", "postgresql+psycopg:///b",
        "postgresql+psycopg:///b?host=/var/run/postgresql"]  # fmt: skip
THERE = ["postgresql+psycopg://u@books.example/b", "postgresql+psycopg://u@localhost.evil.example/b",
         "postgresql+psycopg://u@127.0.0.1/b?hostaddr=192.0.2.7",
         "postgresql+psycopg://u@127.0.0.1/b?host=books.example",
         "postgresql+psycopg:///b?host=127.0.0.1&host=books.example",
         "postgresql+psycopg:///b?service=books"]  # fmt: skip


@pytest.mark.parametrize(
    ("url", "here"), [*((u, True) for u in HERE), *((u, False) for u in THERE)]
)
def test_which_addresses_stay_on_this_machine(url, here):
    """However the host is given; one that leads away is enough."""
    assert stays_here(sa.make_url(url)) is here


def test_a_host_from_libpqs_own_variable_counts(monkeypatch):
    """An address without a host goes where PGHOST says."""
    monkeypatch.setenv("PGHOST", "books.example")

    assert not stays_here(sa.make_url("postgresql+psycopg:///b"))
    assert stays_here(sa.make_url("postgresql+psycopg://u@localhost/b"))


# --- Prefect -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "host", "tls"),
    [("", "prefect.example", "true"), ("?ssl=require", "prefect.example", None),
     ("", "127.0.0.1", None)],
)  # fmt: skip
def test_prefects_own_database_is_no_exception(monkeypatch, tmp_path, query, host, tls):
    """Away from this machine Prefect is told to use TLS and to check the certificate."""
    monkeypatch.setenv(
        "PREFECT_SERVER_DATABASE_CONNECTION_URL",
        f"postgresql+asyncpg://prefect:secret@{host}/prefect{query}",
    )

    environment = Home(tmp_path).environment(Address("127.0.0.1", 4200))

    assert environment.get("PREFECT_SERVER_DATABASE_SQLALCHEMY_CONNECT_ARGS_TLS_ENABLED") == tls


@pytest.mark.parametrize(
    "url", ["http://prefect.example:4200/api", "http://127.0.0.1.evil.example/api", "HTTP://x/api"]
)
def test_no_password_goes_to_prefects_server_in_plain_text(monkeypatch, url):
    """A worker or a command off the server's machine needs https, or a word of its owner's."""
    monkeypatch.setenv("PREFECT_API_URL", url)

    with pytest.raises(AskPerson, match="https") as raised:
        check_server_address()

    assert "CLOCKBOOKS_ALLOW_PLAIN_PREFECT=1" in str(raised.value)
    monkeypatch.setenv("CLOCKBOOKS_ALLOW_PLAIN_PREFECT", "1")
    check_server_address()


@pytest.mark.parametrize(
    "url", ["https://prefect.example/api", "http://127.0.0.1:4200/api", "http://[::1]:4200/api"]
)
def test_a_safe_way_to_prefects_server_is_taken(monkeypatch, url):
    """Encrypted, or without leaving this machine."""
    monkeypatch.setenv("PREFECT_API_URL", url)

    check_server_address()


def test_the_installed_command_calls_no_server_in_plain_text(house):
    """Nobody hears the password that Prefect would send along."""
    with socket.create_server((ELSEWHERE, 0)) as listener:
        listener.settimeout(0.01)
        url = f"http://{ELSEWHERE}:{listener.getsockname()[1]}/api"
        ran = house.run("settle", PREFECT_API_URL=url, PREFECT_API_AUTH_STRING="clockbooks:secret")
        with pytest.raises(TimeoutError):
            listener.accept()

    assert ran.code == 1
    assert "https" in ran.err
