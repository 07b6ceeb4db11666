"""Letters reach a real SMTP server, or wait for it, or are given up where it says that they are in vain."""

import socketserver
from collections.abc import Iterator
from threading import Thread
from typing import Any

import pytest

from payments import mail
from payments.notify.models import Mail
from tests.builders import fresh

pytestmark = pytest.mark.django_db


class PostOffice(socketserver.ThreadingTCPServer):
    """As much of SMTP as a client needs; `answers` says what it thinks of a recipient."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.answers: dict[str, str] = {}
        super().__init__(("127.0.0.1", 0), _Counter)


class _Counter(socketserver.StreamRequestHandler):
    server: PostOffice

    def handle(self) -> None:
        self.say("220 here")
        for line in self.rfile:
            verb = line[:4].upper()
            if verb == b"QUIT":
                return self.say("221 bye")
            if verb == b"RCPT":
                address = line.decode().partition("<")[2].partition(">")[0]
                self.say(self.server.answers.get(address, "250 fine"))
            elif verb == b"DATA":
                self.say("354 go on")
                self.server.taken.append(b"".join(iter(self.rfile.readline, b".\r\n")))
                self.say("250 taken")
            else:
                self.say("250 fine")
        return None

    def say(self, text: str) -> None:
        self.wfile.write(text.encode() + b"\r\n")


@pytest.fixture
def office(settings: Any) -> Iterator[PostOffice]:
    with PostOffice() as server:
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = server.server_address[:2]
        settings.EMAIL_USE_TLS = False
        yield server
        server.shutdown()


def letter(to: str = "anna@example.com", **more: Any) -> Mail:
    about: dict[str, Any] = {
        "merchant_id": "mer_1",
        "channel_id": None,
        "object_id": "pay_1",
        "subject": "Bon €\n1",
        "text": "Dank u",
    }
    return mail.write(mail.Letter(to=to, **about, **more))


def test_a_letter_with_its_attachment_is_taken(office: PostOffice) -> None:
    pdf = mail.Attachment(name="bon.pdf", type="application/pdf", content=b"%PDF-1.3 ...")
    row = letter(html="<p>Dank u</p>", attachment=pdf, sender="Bloem, Blad\n& Co")
    assert mail.send_due() == 1
    (taken,) = office.taken
    assert b'From: "Bloem, Blad & Co" <onetill@localhost>' in taken
    for expected in (b"Message-ID: <" + row.id.encode(), b"bon.pdf", b"text/html", b"Auto-Submitted: auto-generated"):
        assert expected in taken, expected
    assert fresh(row).status == "succeeded"
    assert mail.send_due() == 0


def test_an_address_that_does_not_exist_is_given_up_and_the_others_go_on(office: PostOffice) -> None:
    office.answers["nobody@example.com"] = "550 no such mailbox"
    wrong, right = letter("nobody@example.com"), letter()
    mail.send_due()
    assert (fresh(wrong).status, fresh(wrong).failure) == ("failed", "SMTPRecipientsRefused")
    assert fresh(right).status == "succeeded"


def test_a_full_mailbox_is_tried_again(office: PostOffice) -> None:
    office.answers["anna@example.com"] = "452 mailbox full"
    row = letter()
    mail.send_due()
    assert (fresh(row).status, fresh(row).attempts) == ("pending", 1)
    office.answers.clear()
    Mail.objects.update(next_attempt_at=row.created_at)
    mail.send_due()
    assert fresh(row).status == "succeeded"


def test_a_letter_that_is_forgotten_while_it_is_sent_stays_forgotten(
    office: PostOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    letter()
    send = mail._send

    def forgets(row: Mail, connection: Any) -> Any:
        mail.forget_address(merchant_id="mer_1", to="Anna@example.com")
        return send(row, connection)

    monkeypatch.setattr(mail, "_send", forgets)
    assert mail.send_due() == 1
    assert not Mail.objects.exists()
