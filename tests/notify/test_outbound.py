"""Where webhooks may go: to the internet, over TLS, at the very address that was checked."""

import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from payments.notify import outbound
from payments.notify.outbound import AddressRefused, Unreachable, check, is_public, post
from tests.notify.receiver import Receiver, running

INSIDE = """
    127.0.0.1 127.8.8.8 0.0.0.0 0.1.2.3 10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 169.254.169.254 100.64.0.1
    192.0.0.1 192.0.2.1 198.18.0.1 198.51.100.1 203.0.113.9 192.88.99.1 224.0.0.1 239.255.255.255 240.0.0.1
    255.255.255.255 :: ::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::7f00:1 fe80::1 fec0::1 fc00::1
    fd00:ec2::254 ff02::1 64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 64:ff9b:1::1 2002:7f00:1:: 2001::1 2001:db8::1 100::1
    3fff::1 5f00::1
"""
OUTSIDE = "8.8.8.8 93.184.215.14 172.15.255.255 172.32.0.1 100.128.0.1 2606:4700::1111 2a00:1450::1 ::ffff:8.8.8.8"


@pytest.mark.parametrize("address", INSIDE.split())
def test_what_leads_inside_is_refused(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(AddressRefused):
        check(f"https://{host}/hook")
    with pytest.raises(AddressRefused):
        post(f"https://{host}/hook", headers={}, body=b"{}", seconds=2)


@pytest.mark.parametrize("address", OUTSIDE.split())
def test_what_leads_outside_is_not(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))
    check(f"https://[{address}]/hook" if ":" in address else f"https://{address}/hook")


@pytest.mark.parametrize(
    "url",
    [
        "http://93.184.215.14/hook",
        "ftp://93.184.215.14/hook",
        "file:///etc/passwd",
        "gopher://93.184.215.14",
        "//93.184.215.14/hook",
        "93.184.215.14/hook",
        "",
        "https://",
        "https:///hook",
        "https://user:secret@93.184.215.14/hook",
        "https://93.184.215.14/hook#part",
        "https://localhost/hook",
        "https://127.1/hook",
        "https://2130706433/hook",
        "https://0x7f000001/hook",
        "https://0177.0.0.1/hook",
        "https://１２７.０.０.１/hook",
        "https://[::1%25lo]/hook",
        "https://93.184.215.14:99999/hook",
        "https://93.184.215.14/" + "x" * 2048,
        "https://exa mple.com/\r\nX: y",
        "https://\x00/",
        "https://" + "a" * 300 + ".example/",
    ],
)
def test_what_is_no_public_https_address_is_refused(url: str) -> None:
    with pytest.raises((AddressRefused, Unreachable)):
        post(url, headers={}, body=b"{}", seconds=2)


@pytest.mark.parametrize("url", ["http://93.184.215.14/hook", "https://localhost/hook", "https://2130706433/hook"])
def test_refused_at_creation_too(url: str) -> None:
    with pytest.raises(AddressRefused):
        check(url)


def test_a_name_that_leads_nowhere_yet_may_be_given() -> None:
    check("https://no-such-host.invalid/hook")
    with pytest.raises(Unreachable):
        post("https://no-such-host.invalid/hook", headers={}, body=b"{}", seconds=5)


class Names:
    """A name server of ours: what each name answers, one answer a question, the last for good."""

    def __init__(self) -> None:
        self.answers: dict[str, list[list[str]]] = {}
        self.asked: list[str] = []
        self.silent = threading.Event()
        self._real = socket.getaddrinfo

    def look_up(self, host: str, port: int, *args: Any, **kwargs: Any) -> Any:
        if host not in self.answers:
            return self._real(host, port, *args, **kwargs)
        self.asked.append(host)
        answers = self.answers[host]
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        if not addresses:
            self.silent.wait(60)
        return [entry for address in addresses for entry in self._real(address, port, *args, **kwargs)]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[Names]:
    names = Names()
    monkeypatch.setattr(socket, "getaddrinfo", names.look_up)
    yield names
    names.silent.set()


def test_one_private_address_among_public_ones_is_enough_to_refuse(names: Names) -> None:
    names.answers["shop.example"] = [["93.184.215.14", "10.0.0.1"]]
    with pytest.raises(AddressRefused):
        check("https://shop.example/hook")


def test_a_name_that_changes_its_mind_is_refused_at_the_connection(names: Names) -> None:
    names.answers["shop.example"] = [["93.184.215.14"], ["127.0.0.1"]]
    check("https://shop.example/hook")
    with pytest.raises(AddressRefused):
        post("https://shop.example/hook", headers={}, body=b"{}", seconds=2)


def test_a_name_server_that_hangs_does_not_hold_us(names: Names) -> None:
    names.answers["shop.example"] = [[]]
    with pytest.raises(Unreachable, match="name server"):
        post("https://shop.example/hook", headers={}, body=b"{}", seconds=0.3)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate (with its key) for the name shop.example and no other."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "shop.example")])
    now = datetime.now(UTC)
    tomorrow = now + timedelta(days=1)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, tomorrow)
    signed = (
        builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("shop.example")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "shop.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + signed.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def secure_shop(certificate: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A shop's server that speaks TLS as shop.example, trusted by us."""
    settings.WEBHOOK_ALLOW_PRIVATE = True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    trusting = ssl.create_default_context(cafile=str(certificate))
    monkeypatch.setattr(outbound, "_tls", lambda: trusting)
    with running(context=context) as receiver:
        yield receiver


def test_the_name_stays_while_the_address_is_pinned(names: Names, secure_shop: Receiver) -> None:
    names.answers["shop.example"] = [["127.0.0.1"], ["203.0.113.1"]]

    status = post(f"https://shop.example:{secure_shop.port}/hook?a=1", headers={"X": "y"}, body=b"{}", seconds=5)

    assert status == 200
    [request] = secure_shop.received
    assert request.headers["host"] == f"shop.example:{secure_shop.port}"
    assert request.path == "/hook?a=1"
    assert names.asked == ["shop.example"]


def test_a_certificate_of_another_name_is_refused(names: Names, secure_shop: Receiver) -> None:
    names.answers["other.example"] = [["127.0.0.1"]]
    with pytest.raises(Unreachable, match="certificate"):
        post(f"https://other.example:{secure_shop.port}/hook", headers={}, body=b"{}", seconds=5)
    assert not secure_shop.received


def test_the_next_address_is_tried_when_the_first_does_not_answer(names: Names, secure_shop: Receiver) -> None:
    names.answers["shop.example"] = [["127.0.0.9", "127.0.0.1"]]
    url = f"https://shop.example:{secure_shop.port}/hook"
    assert post(url, headers={}, body=b"{}", seconds=5) == 200


def test_no_proxy_of_the_environment_is_used(shop: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert post(shop.url(), headers={}, body=b"{}", seconds=5) == 200


def test_what_is_no_http_is_no_answer(settings: Any) -> None:
    settings.WEBHOOK_ALLOW_PRIVATE = True
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def babble() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"SSH-2.0-nothing\r\n" + b"\x00" * 64)

        thread = threading.Thread(target=babble)
        thread.start()
        with pytest.raises(Unreachable):
            post(f"http://127.0.0.1:{listener.getsockname()[1]}/", headers={}, body=b"{}", seconds=2)
        thread.join()
