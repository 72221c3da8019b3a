"""The way to servers: retries, deadlines, trust, secrets; every fault in one line that tells no secret."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading

import pytest

from connect.loopback import Loopback
from evenhand.connect.link import LARGEST, Link, Patience, Server, UnreachableError
from evenhand.errors import EvenhandError, ProblemError, RefusedError


@pytest.fixture
def pauses():
    return []


@pytest.fixture
def link(tmp_path, pauses):
    made = Link(tmp_path, Patience(60.0, 3, 0.25), sleep=pauses.append)
    yield made
    made.close()


def failing(times, status=503, body=None):
    """Fails so many times, then answers."""
    left = [times]

    def answer(asked):
        left[0] -= 1
        return (status, body) if left[0] >= 0 else (200, {"fine": True})

    return answer


def test_a_passing_fault_is_tried_again_with_growing_pauses(link, pauses):
    with Loopback(failing(2)) as server:
        assert link.ask(Server(server.url), "GET", "x") == {"fine": True}
        assert len(server.asked) == 3
    assert pauses == [0.25, 0.5]


def test_it_gives_up_with_the_servers_words(link):
    with Loopback(failing(9, 503, {"message": "out to\nlunch"})) as server:
        with pytest.raises(RefusedError, match="answers 503: 'out to") as stop:
            link.ask(Server(server.url), "GET", "x")
        assert len(server.asked) == 3
        assert stop.value.status == 503
        assert "\n" not in str(stop.value)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422])
def test_what_will_not_pass_is_not_tried_again(link, status):
    with Loopback(failing(9, status)) as server:
        with pytest.raises(RefusedError):
            link.ask(Server(server.url), "GET", "x")
        assert len(server.asked) == 1


def test_nobody_there(link, pauses):
    with socket.socket() as taken:  # bound, so that nobody else gets it, and nobody listens
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(UnreachableError, match=f"cannot reach {url}/x: ") as stop:
            link.ask(Server(url), "GET", "x", {"key": "secret"})
    assert "secret" not in str(stop.value)
    assert len(pauses) == 2


def test_a_server_that_hangs(tmp_path):
    """It is left after the patience that was said, however long it would take."""
    free = threading.Event()

    def answer(_):
        free.wait(60)
        return 200, {}

    link = Link(tmp_path, Patience(0.3, 1, 0.0))
    with Loopback(answer) as server:
        with pytest.raises(UnreachableError, match=r"did not answer within 0\.3 s"):
            link.ask(Server(server.url), "GET", "x")
        free.set()
    link.close()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((200, b"<html>"), "does not answer in JSON"),
        ((200, b" " * (LARGEST + 1)), "answers with more than 16 MiB"),
        ((302, None, {"Location": "https://elsewhere.example/login?token=1"}), "redirects to https://elsewhere.example/login: give"),
        ((500, b"<html>oh</html>"), "answers 500"),
    ],
)  # fmt: skip
def test_answers_that_are_none(link, answer, words):
    with Loopback(lambda _: answer) as server, pytest.raises(RefusedError, match=words) as stop:
        link.ask(Server(server.url), "GET", "x")
    assert "token" not in str(stop.value)


def test_tokens_are_read_anew_and_never_told(link, tmp_path, monkeypatch):
    file = tmp_path / "token"
    file.write_text("first\n")
    with Loopback(lambda asked: (200, asked.headers.get("authorization"))) as server:
        by_file = Server(server.url, token_file="token")
        assert link.ask(by_file, "GET", "") == "Bearer first"
        file.write_text("second")
        assert link.ask(by_file, "GET", "") == "Bearer second"
        monkeypatch.setenv("TOKEN", "third")
        assert link.ask(Server(server.url, token_env="TOKEN"), "GET", "") == "Bearer third"
    with Loopback(lambda asked: (200, asked.headers.get("x-api-key"))) as server:
        assert link.ask(Server(server.url, headers_env={"X-Api-Key": "TOKEN"}), "GET", "") == "third"
    for wrong, words in (
        (Server(server.url, token_env="NO_SUCH"), "the environment has no NO_SUCH"),
        (Server(server.url, token_file="nowhere"), "token_file 'nowhere' cannot be read: No such file"),
    ):
        with pytest.raises(ProblemError, match=words):
            link.ask(wrong, "GET", "")
    for bad in ("", "two\nlines", "ümlaut"):
        monkeypatch.setenv("TOKEN", bad)
        with pytest.raises(ProblemError, match="the secret for Authorization is empty or holds letters") as stop:
            link.ask(Server(server.url, token_env="TOKEN"), "GET", "")
        assert not bad or bad not in str(stop.value)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"url": "ftp://x"}, "write http://host:port"),
        ({"url": "http://"}, "write http://host:port"),
        ({"url": "http://x:0x1"}, "write http://host:port"),
        ({"url": "https://me:pass@x"}, "no names or passwords in a URL"),
        ({"url": "https://x/?key=1"}, "leave out what follows"),
        ({"url": "https://x", "token_env": "A", "token_file": "b"}, "not both"),
        ({"url": "http://elsewhere", "token_env": "A"}, "a token is sent by https"),
        ({"url": "http://elsewhere", "headers_env": {"a": "A"}}, "a token is sent by https"),
    ],
)
def test_servers_that_are_none(given, words):
    with pytest.raises(ValueError, match=words) as stop:
        Server(**given)
    assert "pass@" not in str(stop.value)


def test_plain_http_where_it_is_said_or_stays_here():
    for url in ("http://localhost:1", "http://127.0.0.1:1", "http://[::1]:1"):
        Server(url, token_env="A")
    Server("http://elsewhere", token_env="A", allow_http=True)


def test_in_a_cluster(monkeypatch):
    inside = Server("in-cluster")
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(ProblemError, match="this is no pod"):
        _ = inside.found
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "6443")
    assert inside.found.url == "https://10.0.0.1:6443"
    assert inside.found.token_file == "/var/run/secrets/kubernetes.io/serviceaccount/token"
    assert inside.found.ca_file == "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt"
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    assert inside.found.url == "https://[fd00::1]:6443"


@pytest.fixture
def authority(tmp_path):
    """A certificate of our own for 127.0.0.1."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl here: install Debian's openssl")
    line = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", tmp_path / "key.pem", "-out",
            tmp_path / "ca.pem", "-days", "3650", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]  # fmt: skip
    subprocess.run(line, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "ca.pem", tmp_path / "key.pem")
    return context


def test_a_certificate_is_checked_and_its_authority_may_be_named(link, authority, tmp_path):
    with Loopback(lambda _: (200, {"fine": True}), tls=authority) as server:
        assert server.url.startswith("https://")
        assert link.ask(Server(server.url, ca_file="ca.pem"), "GET", "x") == {"fine": True}
        with pytest.raises(UnreachableError, match=r"(?i)cannot reach .*certificate"):
            link.ask(Server(server.url), "GET", "x")
        (tmp_path / "none.pem").write_text("none")
        for name, words in (
            ("nowhere.pem", "ca_file 'nowhere.pem' cannot be read"),
            ("none.pem", "give certificates in PEM"),
        ):
            with pytest.raises(ProblemError, match=words):
                link.ask(Server(server.url, ca_file=name), "GET", "x")


def test_without_the_extra(link, monkeypatch):
    import builtins

    real = builtins.__import__

    def without(name, *rest, **more):
        if name in ("httpx", "tenacity"):
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(EvenhandError, match=r"pip install 'evenhand\[connect\]'"):
        link.ask(Server("http://127.0.0.1:1"), "GET", "x")
