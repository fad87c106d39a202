"""Calls objects over HTTP: ``python -m ferropyro.utils.httpgateway``, or the WSGI application ``pyro_app`` in a web server of the program's own.

``/pyro/NAME/METHOD?argument=value`` is a call; the answer is JSON. Requests and answers are those of Pyro4's gateway, with what Pyro5's adds: pages of other
sites, if ``pyro_app.cors`` allows them. ``ferropyro httpgateway`` is the same in Rust, with routes of its own, and is faster.
"""

from __future__ import annotations

import argparse
import hmac as _hmac
import html
import json
import os
import re
import sys
import traceback
import urllib.parse
import uuid
from collections.abc import Callable, Iterable, Sequence
from email.parser import BytesParser
from typing import Any
from wsgiref.simple_server import make_server

from .. import constants, naming, util
from ..configuration import config
from ..context import current_context
from ..errors import CommunicationError, NamingError, ProtocolError, PyroError
from ..nsc import hmac_key
from ..proxy import Proxy
from ..wire import Unread, classes_unread

__all__ = ["pyro_app", "main"]

Headers = list[tuple[str, str]]
StartResponse = Callable[[str, Headers], Any]
Answer = Iterable[bytes]

TEXT = ("Content-Type", "text/plain")
JSON = ("Content-Type", "application/json; charset=utf-8")
# Bytes of a form.
LARGEST_FORM = 16 * 1024 * 1024
# Names on the page.
NAMES_SHOWN = 10

_nameserver: Proxy | None = None


class _Application:
    """The WSGI application.

    ``ns_regex`` is the regular expression for the names of objects that can be used, ``gateway_key`` the key that requests need, ``hmac_key`` that of the objects
    and the name server, ``comm_timeout`` the seconds that an object may take, and ``cors`` the origin of the pages of other sites that may call ("*": all).
    """

    ns_regex: str = r"http\."
    hmac_key: bytes | str | None = None
    gateway_key: bytes | str | None = None
    comm_timeout: float = config.COMMTIMEOUT
    cors: str = ""

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Answer:
        """Answers a request."""
        path = environ.get("PATH_INFO", "").encode("latin-1").decode("utf-8", "replace").lstrip("/")
        if not path:
            return redirect(start_response, "/pyro/")
        if not path.startswith("pyro/"):
            return not_found(start_response)
        method = environ.get("REQUEST_METHOD")
        if method == "OPTIONS" and self.cors:
            return option_request(start_response)
        if method not in ("GET", "POST"):
            return invalid_request(start_response)
        try:
            parameters = _parameters(environ)
        except ValueError as error:
            return _text(start_response, "400 Bad Request", f"Error 400: {error}")
        return process_pyro_request(environ, path[len("pyro/") :], parameters, start_response)


pyro_app = _Application()
"""The WSGI application of this program."""


# Answers.


def invalid_request(start_response: StartResponse) -> Answer:
    """Answers a request with a method of HTTP that is no call."""
    return _text(start_response, "405 Method Not Allowed", "Error 405: Method Not Allowed")


def not_found(start_response: StartResponse) -> Answer:
    """Answers a request for a place that there is not."""
    return _text(start_response, "404 Not Found", "Error 404: Not Found")


def redirect(start_response: StartResponse, target: str) -> Answer:
    """Leads to another place."""
    start_response("302 Found", [("Location", target)])
    return []


def option_request(start_response: StartResponse) -> Answer:
    """Tells a browser what pages of other sites may do."""
    return _text(start_response, "200 OK", "200 OK")


def cors_response_header(header: Headers, cors: str) -> Headers:
    """Adds what lets pages of the origin ``cors`` use an answer; nothing if that is empty."""
    if cors:
        header.append(("Access-Control-Allow-Origin", cors))
        header.append(("Access-Control-Allow-Methods", "GET, POST, OPTIONS"))
        header.append(("Access-Control-Allow-Headers", "Content-Type"))
    return header


def _text(start_response: StartResponse, status: str, text: str) -> Answer:
    start_response(status, cors_response_header([TEXT], pyro_app.cors))
    return [text.encode("utf-8")]


def _json(start_response: StartResponse, status: str, body: bytes) -> Answer:
    headers = [JSON]
    if current_context.correlation_id is not None:
        headers.append(("X-Pyro-Correlation-Id", str(current_context.correlation_id)))
    start_response(status, cors_response_header(headers, pyro_app.cors))
    return [body] if body else []


# Requests.


def singlyfy_parameters(parameters: dict[str, Any]) -> dict[str, Any]:
    """Takes parameters that have one value out of their lists."""
    for key, value in parameters.items():
        if isinstance(value, (list, tuple)) and len(value) == 1:
            parameters[key] = value[0]
    return parameters


def _parameters(environ: dict[str, Any]) -> dict[str, Any]:
    """Those of the query, and of a form that was posted. Raises ValueError for what is no form."""
    query = environ.get("QUERY_STRING", "")
    found: dict[str, list[str]] = {}
    if environ.get("REQUEST_METHOD") == "POST":
        kind = environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
        length = int(environ.get("CONTENT_LENGTH") or 0)
        if length > LARGEST_FORM:
            raise ValueError("the form is too long")
        body = environ["wsgi.input"].read(length)
        if kind == "multipart/form-data":
            found = _parts(environ["CONTENT_TYPE"], body)
        elif kind == "application/x-www-form-urlencoded":
            found = urllib.parse.parse_qs(body.decode("utf-8"))
    for name, values in urllib.parse.parse_qs(query).items():
        found.setdefault(name, []).extend(values)
    return singlyfy_parameters(found)


def _parts(content_type: str, body: bytes) -> dict[str, list[str]]:
    message = BytesParser().parsebytes(b"Content-Type: " + content_type.encode("latin-1") + b"\r\n\r\n" + body)
    if not message.is_multipart():
        raise ValueError("the form has no parts")
    found: dict[str, list[str]] = {}
    for part in message.get_payload():
        name = part.get_param("name", header="content-disposition")  # type: ignore[union-attr]
        if isinstance(name, str):
            data: Any = part.get_payload(decode=True)  # type: ignore[union-attr]
            found.setdefault(name, []).append(data.decode("utf-8"))
    return found


def get_nameserver(hmac: bytes | str | None = None) -> Proxy:
    """Gives the name server; it is looked for anew when it is gone. Raises NamingError if there is none."""
    global _nameserver
    if _nameserver is not None:
        try:
            _nameserver.ping()
            return _nameserver
        except CommunicationError:
            print("Connection with nameserver lost, reconnecting...")
    _nameserver = None
    _nameserver = naming.locateNS(hmac_key=hmac or None)
    return _nameserver


def process_pyro_request(environ: dict[str, Any], path: str, parameters: dict[str, Any], start_response: StartResponse) -> Answer:
    """Answers a request for a path below ``/pyro/``: the page, or a call."""
    if not path:
        return return_homepage(environ, start_response)
    name, _, member = path.rpartition("/")
    if not name or not member:
        return not_found(start_response)
    if pyro_app.gateway_key and not _is_key(environ.get("HTTP_X_PYRO_GATEWAY_KEY", "") or parameters.get("$key", "")):
        return _text(start_response, "403 Forbidden", "403 Forbidden - incorrect gateway api key")
    if pyro_app.gateway_key:
        parameters.pop("$key", None)
    if pyro_app.ns_regex and not re.match(pyro_app.ns_regex, name):
        return _text(start_response, "403 Forbidden", "403 Forbidden - access to the requested object has been denied")
    if not pyro_app.cors and _is_of_another_site(environ):
        return _text(start_response, "403 Forbidden", "403 Forbidden - pages of other sites may not call")
    options = [option.strip() for option in environ.get("HTTP_X_PYRO_OPTIONS", "").split(",")]
    before = current_context.correlation_id
    try:
        current_context.correlation_id = None
        given = environ.get("HTTP_X_PYRO_CORRELATION_ID", "")
        current_context.correlation_id = uuid.UUID(given) if given else uuid.uuid4()
        return _answer(name, member, parameters, "oneway" in options, start_response)
    except Unread as error:
        # The object's exception: the program there has been told already.
        return _json(start_response, "500 Internal Server Error", _dumps(error.data))
    except Exception as error:
        print(f"ERROR handling {path} with params {parameters}:", file=environ["wsgi.errors"])
        traceback.print_exception(error, file=environ["wsgi.errors"])
        status = "404 Not Found" if isinstance(error, _UnknownName) else "500 Internal Server Error"
        shown = error.__cause__ if isinstance(error, _UnknownName) and error.__cause__ else error
        return _json(start_response, status, _dumps(util.SerializerBase.class_to_dict(shown)))
    finally:
        current_context.correlation_id = before


class _UnknownName(Exception):
    """There is no object of that name; its cause says so in the name server's words."""


def _is_key(given: Any) -> bool:
    key = pyro_app.gateway_key or b""
    expected = key.encode("utf-8") if isinstance(key, str) else key
    return isinstance(given, str) and _hmac.compare_digest(given.encode("utf-8"), expected)


def _is_of_another_site(environ: dict[str, Any]) -> bool:
    """Whether a browser says that a page of another site made the request. It would call the object, though the page could not read the answer."""
    origin = environ.get("HTTP_ORIGIN", "")
    if origin and urllib.parse.urlsplit(origin).netloc != environ.get("HTTP_HOST"):
        return True
    return environ.get("HTTP_SEC_FETCH_SITE", "none") in ("cross-site", "same-site")


def _answer(name: str, member: str, parameters: dict[str, Any], is_oneway: bool, start_response: StartResponse) -> Answer:
    """Calls the object, and answers with what it gives."""
    nameserver = get_nameserver(pyro_app.hmac_key)
    try:
        uri = nameserver.lookup(name)
    except NamingError as error:
        raise _UnknownName(name) from error
    with _proxy(uri) as proxy:
        proxy._pyroGetMetadata()
        if is_oneway:
            proxy._pyroOneway.add(member)
        if member == "$meta":
            body = _dumps({"methods": tuple(proxy._pyroMethods), "attributes": tuple(proxy._pyroAttrs)})
            return _json(start_response, "200 OK", body)
        with classes_unread():
            result = _use(proxy, member, parameters)
        is_oneway = member in proxy._pyroOneway
    return _json(start_response, "200 OK", b"" if is_oneway else _dumps(result))


def _proxy(uri: Any) -> Proxy:
    proxy = Proxy(uri)
    proxy._pyroHmacKey = pyro_app.hmac_key or None  # type: ignore[assignment]
    proxy._pyroSerializer = "json"
    proxy._pyroTimeout = pyro_app.comm_timeout
    return proxy


def _use(proxy: Proxy, member: str, parameters: dict[str, Any]) -> Any:
    if member in proxy._pyroAttrs:
        if parameters:
            raise TypeError("attribute lookup can't have query parameters")
        return getattr(proxy, member)
    result = getattr(proxy, member)(**parameters)
    if hasattr(result, "__next__"):
        result.close()
        raise ProtocolError("result of call is an iterator")
    return result


def _dumps(value: Any) -> bytes:
    return json.dumps(value, default=_dict_of).encode("utf-8")


def _dict_of(value: Any) -> Any:
    """What json does not know: an exception that is no error here, but a value."""
    return value.data if isinstance(value, Unread) else util.SerializerBase.class_to_dict(value)


# The page.

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Pyro HTTP gateway</title>
<style>
body {{ margin: 1em; font-family: sans-serif; }}
table {{ border-collapse: collapse; }}
th, td {{ border: 1px solid #bbb; padding: 4px; text-align: left; vertical-align: top; }}
pre {{ border: 1px solid #bbb; padding: 1ex; white-space: pre-wrap; }}
</style>
</head>
<body>
<h1>Pyro HTTP gateway</h1>
<p>A request for <code>/pyro/NAME/METHOD?argument=value</code> calls a method; the answer is JSON.</p>
<h2>Objects of the name server on {location}</h2>
<p>The first {limit} of those whose names match <code>{pattern}</code>:</p>
<table>
<tr><th>name</th><th>methods</th><th>attributes</th></tr>
{rows}
</table>
<h2>Call</h2>
<form id="call">
<input name="path" size="60" placeholder="NAME/METHOD?argument=value" aria-label="call">
<button>Call</button>
</form>
<pre id="answer"></pre>
<p>ferropyro {version}</p>
<script>
"use strict";
const answer = document.getElementById("answer");
async function call(path) {{
    answer.textContent = "GET " + path;
    const response = await fetch(path);
    const text = await response.text();
    answer.textContent += "\\n" + response.status + " " + text;
}}
document.addEventListener("click", event => {{
    const path = event.target.dataset.call;
    if (path !== undefined) {{
        event.preventDefault();
        call(path);
    }}
}});
document.getElementById("call").addEventListener("submit", event => {{
    event.preventDefault();
    call(event.target.elements.path.value);
}});
</script>
</body>
</html>
"""


def return_homepage(environ: dict[str, Any], start_response: StartResponse) -> Answer:
    """Answers with the page, on which objects are listed and can be called."""
    try:
        nameserver = get_nameserver(pyro_app.hmac_key)
        found = nameserver.list(regex=pyro_app.ns_regex) if pyro_app.ns_regex else nameserver.list()
    except PyroError as error:
        print("Name server error:", error, file=environ["wsgi.errors"])
        return _text(
            start_response, "500 Internal Server Error", "Cannot connect to the Pyro name server. Is it running? Refresh page to retry."
        )
    page = _PAGE.format(
        location=html.escape(str(nameserver._pyroUri.location)),
        limit=NAMES_SHOWN,
        pattern=html.escape(pyro_app.ns_regex or ".*"),
        rows="\n".join(_row(name, found[name]) for name in sorted(found)[:NAMES_SHOWN]),
        version=html.escape(constants.VERSION),
    )
    start_response("200 OK", cors_response_header([("Content-Type", "text/html; charset=utf-8")], pyro_app.cors))
    return [page.encode("utf-8")]


def _row(name: str, uri: str) -> str:
    try:
        with _proxy(uri) as proxy:
            proxy._pyroBind()
            methods = html.escape(", ".join(sorted(proxy._pyroMethods)) or "-")
            attributes = ", ".join(_link(name, attribute, attribute) for attribute in sorted(proxy._pyroAttrs)) or "-"
    except PyroError as error:
        methods, attributes = html.escape(f"error: {error}"), "-"
    return f"<tr><td>{_link(name, '$meta', name)}</td><td>{methods}</td><td>{attributes}</td></tr>"


def _link(name: str, member: str, text: str) -> str:
    path = html.escape(f"{urllib.parse.quote(name)}/{member}")
    return f'<a href="{path}" data-call="{path}">{html.escape(text)}</a>'


def main(args: Sequence[str] | None = None) -> int:
    """Runs a gateway with these arguments of a command line, until it is stopped."""
    parser = argparse.ArgumentParser(prog="python -m ferropyro.utils.httpgateway", description="Calls Pyro objects over HTTP.")
    parser.add_argument("-H", "--host", default="localhost", help="the host name to listen on (default: %(default)s)")
    parser.add_argument("-p", "--port", type=int, default=8080, help="the port to listen on (default: %(default)s)")
    parser.add_argument("-e", "--expose", default=pyro_app.ns_regex, help="a regular expression for the names of the objects (default: %(default)s)")
    parser.add_argument("-k", "--pyrokey", help="the HMAC key; better is the environment variable PYRO_HMAC_KEY")
    parser.add_argument("-g", "--gatewaykey", help="the key that requests need; better is the environment variable PYRO_HTTPGATEWAY_KEY")
    parser.add_argument("-t", "--timeout", type=float, default=pyro_app.comm_timeout, help="seconds that an object may take (0: for ever)")
    parser.add_argument("-c", "--cors", default="", help="the origin of pages of other sites that may call; * is all")
    options = parser.parse_args(args)
    pyro_app.hmac_key = hmac_key(options.pyrokey)
    pyro_app.gateway_key = hmac_key(options.gatewaykey, "PYRO_HTTPGATEWAY_KEY", "-g")
    pyro_app.ns_regex = options.expose
    pyro_app.comm_timeout = options.timeout
    pyro_app.cors = options.cors
    if pyro_app.ns_regex:
        print("Exposing objects with names matching: ", pyro_app.ns_regex)
    else:
        print("Warning: exposing all objects (no expose regex set)")
    try:
        print("Connected to name server at: ", get_nameserver(pyro_app.hmac_key)._pyroUri)
    except PyroError:
        print("Not yet connected to a name server.")
    with make_server(options.host, options.port, pyro_app) as server:
        host, port = server.server_address[:2]
        print(f"Pyro HTTP gateway running on http://{host!s}:{port}/pyro/", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
