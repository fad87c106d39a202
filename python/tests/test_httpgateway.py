"""The HTTP gateway beside the real ones, each in front of the same objects."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import ferropyro
from ferropyro.naming import startNS

PACKAGE = str(Path(__file__).parents[1])
# Python 3.13 has no module cgi any more, which the gateway of Pyro4 needs.
REAL = ["Pyro4", "Pyro5"] if sys.version_info < (3, 13) else ["Pyro5"]


class Answer(NamedTuple):
    status: int
    body: str
    headers: Any

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Gateway(NamedTuple):
    url: str

    def ask(self, path: str, data: bytes | None = None, method: str | None = None, **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(self.url + path, data, named, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return Answer(answer.status, answer.read().decode(), answer.headers)
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.read().decode(), error.headers)


@contextmanager
def gateway(package: str, ns_port: int, *options: str, **variables: str) -> Iterator[Gateway]:
    environment = {**os.environ, "PYTHONPATH": PACKAGE, "PYRO_NS_HOST": "127.0.0.1", "PYRO_NS_PORT": str(ns_port), "PYTHONUNBUFFERED": "1"}
    program = [sys.executable, "-W", "ignore", "-m", f"{package}.utils.httpgateway", "-H", "127.0.0.1", "-p", "0", *options]
    with subprocess.Popen(program, env={**environment, **variables}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            line = next(line for line in process.stdout if "running on" in line)
            yield Gateway(line.split()[-1].removesuffix("/pyro/"))
        finally:
            process.kill()


@ferropyro.expose
class Lab:
    def __init__(self) -> None:
        self.called = threading.Event()

    def echo(self, message: Any) -> Any:
        return message

    def several(self) -> Any:
        return [1, 2.5, None, True, {"key": "value ü"}, "text"]

    def thing(self) -> Any:
        return {"__class__": "nobody.Knows", "value": 1}

    def problem(self) -> Any:
        return ValueError("only a value")

    def nothing(self) -> None:
        pass

    def error(self) -> None:
        raise ValueError("on purpose", 5)

    def numbers(self) -> Any:
        yield from range(3)

    def slow(self) -> str:
        time.sleep(1)
        self.called.set()
        return "slow"

    def correlation(self) -> str:
        return str(ferropyro.current_context.correlation_id)

    @property
    def level(self) -> int:
        return 7


@pytest.fixture(scope="module")
def lab() -> Iterator[tuple[int, Lab]]:
    """The port of a name server that knows a lab, and the lab."""
    uri, names, _ = startNS("127.0.0.1", 0)
    lab = Lab()
    with ferropyro.Daemon(host="127.0.0.1") as daemon:
        names.nameserver.register("http.lab", daemon.register(lab, "lab"))
        names.nameserver.register("http.<b>gone", "PYRO:obj@127.0.0.1:1")
        names.nameserver.register("secret.lab", daemon.uriFor("lab"))
        names.combine(daemon)
        thread = threading.Thread(target=names.requestLoop)
        thread.start()
        assert uri.port is not None
        yield uri.port, lab
        names.close()
    thread.join()


@pytest.fixture(scope="module")
def gateways(lab: tuple[int, Lab]) -> Iterator[dict[str, Gateway]]:
    with ExitStack() as stack:
        yield {package: stack.enter_context(gateway(package, lab[0])) for package in ["ferropyro", *REAL]}


@pytest.fixture
def ours(gateways: dict[str, Gateway]) -> Gateway:
    return gateways["ferropyro"]


REQUESTS = [
    "/pyro/http.lab/echo?message=hi",
    "/pyro/http.lab/echo?message=1&message=2",
    "/pyro/http.lab/echo?message=%26+x",
    "/pyro/http.lab/echo?message=",
    "/pyro/http.lab/several",
    "/pyro/http.lab/nothing",
    "/pyro/http.lab/thing",
    "/pyro/http.lab/level",
    "/pyro/http.lab/missing",
    "/pyro/http.lab/echo?wrong=1",
    "/pyro/http.lab/error",
    "/pyro/http.lab/problem",
    "/pyro/secret.lab/echo?message=hi",
    "/pyro/http.lab",
    "/pyro/http.lab/",
    "/other",
]


# Conformance: GW-01
# Conformance: GW-08
# Conformance: GW-09
@pytest.mark.parametrize("path", REQUESTS)
@pytest.mark.parametrize("real", REAL)
def test_answers_are_those_of_the_real_gateway(gateways: dict[str, Gateway], real: str, path: str) -> None:
    theirs, ours = gateways[real].ask(path), gateways["ferropyro"].ask(path)
    assert ours.status == theirs.status
    assert ours.headers["Content-Type"] == theirs.headers["Content-Type"]
    if "json" not in ours.headers["Content-Type"]:
        assert ours.body == theirs.body
    elif ours.status == 200:
        assert ours.json == theirs.json
    else:
        assert plain(ours.json) == plain(theirs.json)


def plain(error: Any) -> Any:
    """An exception without what differs between the generations of Pyro: the module of its class, the traceback."""
    return [str(error[key]).replace("builtins.", "") for key in ("__class__", "__exception__", "args")]


# Conformance: GW-08
def test_forms_are_posted_as_text_or_in_parts(ours: Gateway) -> None:
    # Pyro4's gateway takes UTF-8 for Latin-1.
    assert ours.ask("/pyro/http.lab/echo?message=%C3%BC%26").json == "ü&"
    form = {"Content_Type": "application/x-www-form-urlencoded"}
    assert ours.ask("/pyro/http.lab/echo", b"message=posted", **form).json == "posted"
    assert ours.ask("/pyro/http.lab/echo?message=query", b"message=posted", **form).json == ["posted", "query"]
    parts = b'--x\r\nContent-Disposition: form-data; name="message"\r\n\r\n\xc3\xbc!\r\n--x--\r\n'
    assert ours.ask("/pyro/http.lab/echo", parts, Content_Type="multipart/form-data; boundary=x").json == "ü!"
    assert ours.ask("/pyro/http.lab/echo", b"nonsense", Content_Type="multipart/form-data").status == 400
    assert ours.ask("/pyro/http.lab/echo", b"message=%ff\xff", **form).status == 400


# Conformance: GW-10
def test_the_page_lists_the_exposed_objects_and_needs_nothing_from_elsewhere(ours: Gateway) -> None:
    page = ours.ask("/")
    assert page.status == 200 and page.headers["Content-Type"].startswith("text/html")
    assert "http.lab" in page.body and "several" in page.body and 'data-call="http.lab/level"' in page.body
    assert "secret.lab" not in page.body and "<b>gone" not in page.body and "&lt;b&gt;gone" in page.body
    assert "//" not in page.body.replace("</", "")
    meta = ours.ask("/pyro/http.lab/$meta").json
    assert "echo" in meta["methods"] and meta["attributes"] == ["level"]


# Conformance: GW-13
def test_a_oneway_request_is_answered_before_the_method_is_done(ours: Gateway, lab: tuple[int, Lab]) -> None:
    lab[1].called.clear()
    answer = ours.ask("/pyro/http.lab/slow", X_Pyro_Options="other, oneway")
    assert answer.status == 200 and answer.body == "" and not lab[1].called.is_set()
    assert lab[1].called.wait(10)


# Conformance: GW-15
# Conformance: GW-16
def test_a_request_has_a_correlation_id_which_it_may_bring_along(ours: Gateway) -> None:
    answer = ours.ask("/pyro/http.lab/correlation")
    assert answer.json == answer.headers["X-Pyro-Correlation-Id"] != "None"
    given = str(uuid.uuid4())
    answer = ours.ask("/pyro/http.lab/correlation", X_Pyro_Correlation_Id=given)
    assert answer.json == answer.headers["X-Pyro-Correlation-Id"] == given
    assert ours.ask("/pyro/http.lab/error", X_Pyro_Correlation_Id=given).headers["X-Pyro-Correlation-Id"] == given
    wrong = ours.ask("/pyro/http.lab/correlation", X_Pyro_Correlation_Id="nonsense")
    assert wrong.status == 500 and wrong.json["__class__"].endswith("ValueError")


# Conformance: GW-19
def test_a_name_that_nobody_has_is_not_found(ours: Gateway) -> None:
    answer = ours.ask("/pyro/http.nobody/echo")
    assert answer.status == 404 and answer.json["args"] == ["unknown name: http.nobody"]


# Conformance: GW-20
def test_what_cannot_be_called_is_an_error(ours: Gateway) -> None:
    assert ours.ask("/pyro/http.lab/echo", method="DELETE").status == 405
    assert ours.ask("/pyro/http.lab/echo", method="OPTIONS").status == 405
    gone = ours.ask("/pyro/http.%3Cb%3Egone/echo")
    assert gone.status == 500 and gone.json["__class__"].endswith("CommunicationError")
    assert ours.ask("/pyro/http.lab/level?a=1").json["__class__"].endswith("TypeError")
    stream = ours.ask("/pyro/http.lab/numbers")
    assert stream.status == 500 and "iterator" in stream.json["args"][0]


# Conformance: GW-11
def test_pages_of_other_sites_call_only_if_they_are_allowed_to(ours: Gateway, lab: tuple[int, Lab]) -> None:
    path = "/pyro/http.lab/echo?message=hi"
    assert ours.ask(path, Origin="http://evil.example").status == 403
    assert ours.ask(path, Sec_Fetch_Site="cross-site").status == 403
    assert ours.ask(path, Origin=ours.url, Sec_Fetch_Site="same-origin").status == 200
    with gateway("ferropyro", lab[0], "--cors", "http://good.example") as open_gateway, gateway("Pyro5", lab[0], "-c", "http://good.example") as real:
        for method in ("GET", "OPTIONS"):
            theirs = real.ask(path, method=method, Origin="http://good.example")
            answer = open_gateway.ask(path, method=method, Origin="http://good.example")
            assert (answer.status, answer.body) == (theirs.status, theirs.body)
            for header in ("Access-Control-Allow-Origin", "Access-Control-Allow-Methods", "Access-Control-Allow-Headers"):
                assert answer.headers[header] == theirs.headers[header]


# Conformance: GW-14
def test_requests_need_the_key_of_the_gateway(lab: tuple[int, Lab]) -> None:
    with gateway("ferropyro", lab[0], PYRO_HTTPGATEWAY_KEY="secret") as keyed:
        path = "/pyro/http.lab/echo?message=hi"
        assert keyed.ask(path).status == 403
        assert keyed.ask(path, X_Pyro_Gateway_Key="wrong").status == 403
        assert keyed.ask(f"{path}&$key=a&$key=b").status == 403
        assert keyed.ask(path, X_Pyro_Gateway_Key="secret").json == "hi"
        assert keyed.ask(f"{path}&$key=secret").json == "hi"


# Conformance: GW-05
def test_what_is_exposed_is_said_on_the_command_line(lab: tuple[int, Lab]) -> None:
    with gateway("ferropyro", lab[0], "-e", "secret") as other:
        assert other.ask("/pyro/secret.lab/echo?message=hi").json == "hi"
        assert other.ask("/pyro/http.lab/echo?message=hi").status == 403


# Conformance: GW-20
def test_without_a_name_server_it_starts_and_says_what_is_wrong() -> None:
    with gateway("ferropyro", 1) as lonely:
        page = lonely.ask("/pyro/")
        assert page.status == 500 and page.body.startswith("Cannot connect to the Pyro name server.")
        answer = lonely.ask("/pyro/http.lab/echo")
        assert answer.status == 500 and answer.json["__class__"].endswith("NamingError")


# Conformance: GW-03
def test_the_application_runs_in_another_server(lab: tuple[int, Lab]) -> None:
    from wsgiref.util import setup_testing_defaults
    from wsgiref.validate import validator

    from ferropyro.utils import httpgateway

    ferropyro.config.NS_HOST, ferropyro.config.NS_PORT = "127.0.0.1", lab[0]
    environ: dict[str, Any] = {"PATH_INFO": "/pyro/http.lab/echo", "QUERY_STRING": "message=hi", "SCRIPT_NAME": ""}
    setup_testing_defaults(environ)
    statuses: list[str] = []
    answer = validator(httpgateway.pyro_app)(environ, lambda status, headers, error=None: statuses.append(status))  # type: ignore[arg-type, func-returns-value]
    assert b"".join(answer) == b'"hi"' and statuses == ["200 OK"]
    answer.close()  # type: ignore[attr-defined]
    assert ferropyro.config.SERIALIZER == "serpent" and ferropyro.current_context.correlation_id is None
    httpgateway._nameserver = None
