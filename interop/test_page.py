"""The gateway's page in a real browser, with objects of Pyro4, Pyro5 and ferropyro behind it. What it looks like is kept in target/page."""

import ast
import json
import os
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import browser
import gateways
import rust_peer
from browser import expect
from nameservers import link
from peers import PEERS, PYRO5
from servers import Servers, run

ROOT = Path(__file__).parent.parent
PICTURES = ROOT / "target" / "page"
DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
# A browser takes its time: the rest comes with --full.
OLD = pytest.param("http.oldlab", marks=pytest.mark.full)
ID = re.compile(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")


@pytest.fixture(scope="module")
def chromium():
    browser.need()
    with browser.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser.CHROMIUM, args=browser.ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def scene(ferropyro, rust_server):
    """Our name server, objects of everybody, and a gateway for them."""
    with Servers() as servers:
        names = servers.start([ferropyro, "ns", "-n", "localhost", "-p", "0"], ready=r"^URI = PYRO:")
        program = Path(__file__).parent / "page_server.py"
        labs = {peer.name: servers.start([sys.executable, program, peer.name], ready=r"^URI = PYRO:") for peer in PEERS}
        echo = servers.start([ferropyro, "echo"], ready=r"^echoserver running")
        register(names, "http.lab", labs["pyro5"].uri, "class:page.Lab", "room:2.14")
        register(names, "http.oldlab", labs["pyro4"].uri, "room:1.01")
        register(names, "http.echo", echo.uri, "class:echo")
        register(names, "http.thermometer", rust_peer.uri_of(rust_server, "told.thermometer"))
        register(names, "http.gone", "PYRO:gone@127.0.0.1:1", "room:1.01")
        register(names, "other.lab", labs["pyro5"].uri)
        _, port = gateways.start(servers, [ferropyro, "httpgateway"], names.port)
        yield SimpleNamespace(names=names, labs=labs, echo=echo, port=port, origin=f"http://127.0.0.1:{port}")


def register(names, name, uri, *tags):
    with PYRO5.locate_ns("127.0.0.1", names.port) as found:
        found.register(name, uri, metadata=list(tags))


@pytest.fixture
def visit(chromium):
    """visit(origin, hash, ...): a page of its own, without a past. At the end of the test nothing may have gone wrong in it."""
    visits = []

    def visit(origin, hash="", viewport=DESKTOP, scheme="light", **settings):
        context = chromium.new_context(viewport=viewport, color_scheme=scheme, **settings)
        context.grant_permissions(["clipboard-read", "clipboard-write"], origin=origin)
        page = context.new_page()
        page.set_default_timeout(browser.PATIENCE)
        watch = browser.Watch(page, origin)
        visits.append((context, watch))
        page.goto(f"{origin}/pyro/{hash}")
        page.watch = watch
        return page

    yield visit
    for context, _ in visits:
        context.close()
    assert [watch.complaints for _, watch in visits] == [[] for _ in visits]


def to(name, member=None):
    """The part of an address that leads to an object or to its member, for names of plain letters."""
    return f"#/{name}" + (f"/{member}" if member else "")


def name_of(page, name):
    """Its line in the list."""
    return page.locator("#names li", has=page.get_by_text(name, exact=True))


def go(page, *places):
    """Goes to an object or a member, whatever its name."""
    follow(page, page.evaluate("places => hashOf(...places)", places))


def follow(page, hash):
    """Waits until the page has heard of it."""
    page.evaluate("hash => new Promise(done => { addEventListener('hashchange', () => done(), { once: true }); location.hash = hash; })", hash)


def call(page, *texts):
    """Fills in arguments that are texts, and calls."""
    for text in texts:
        page.get_by_role("button", name="+ Argument").click()
        page.locator(".value-input").last.fill(text)
    page.get_by_role("button", name="Call", exact=True).click()


def wait_for_state(page, text):
    page.locator(".response .state", has_text=text).wait_for()


def result(page):
    return page.locator(".response pre.json").text_content()


def test_the_list_shows_names_and_tags_and_marks_a_dead_one(scene, visit):
    page = visit(scene.origin)
    name_of(page, "http.gone").get_by_text("not reachable").wait_for()
    items = page.locator("#names li")
    assert items.locator(".name").all_text_contents() == ["http.echo", "http.gone", "http.lab", "http.oldlab", "http.thermometer"]
    assert name_of(page, "http.lab").locator(".chip").all_text_contents() == ["class:page.Lab", "room:2.14"]
    assert page.get_by_text("not reachable").count() == 1
    assert page.locator("#count").text_content() == "5 names"
    assert f"127.0.0.1:{scene.names.port}" in page.locator("#where").text_content()


@pytest.mark.full
def test_a_search_finds_parts_of_names_and_of_tags(scene, visit):
    page = visit(scene.origin)
    search = page.get_by_label("Search names and tags")
    for text, found in [("LAB", 2), ("1.01", 2), ("echo", 1)]:
        search.fill(text)
        page.locator("#count", has_text=f"{found} name").wait_for()
    search.fill("nobody has this")
    page.get_by_text("No name has that").wait_for()
    page.get_by_role("button", name="Show all names").click()
    page.locator("#count", has_text="5 names").wait_for()
    name_of(page, "http.gone").locator(".chip", has_text="room:1.01").click()
    page.locator("#count", has_text="2 names").wait_for()
    page.get_by_role("button", name="Names with any tag").click()
    page.locator("#count", has_text="5 names").wait_for()


# Conformance: GW-10, GW-11
@pytest.mark.parametrize("name", ["http.lab", "http.oldlab"])
def test_a_call_shows_its_result_time_size_and_id(scene, visit, name):
    text = 'it\'s <b>"bold"</b>'
    page = visit(scene.origin, to(name, "give"))
    call(page, text)
    wait_for_state(page, "200 OK")
    assert result(page) == json.dumps(text)
    facts = page.locator(".response .facts")
    assert re.fullmatch(r"[\d.]+ m?s", facts.locator(".time").text_content())
    assert facts.locator(".size").text_content() == f"{len(json.dumps(text))} bytes"
    shown = facts.locator(".id").text_content()
    assert ID.match(shown)
    facts.locator(".id button").click()
    facts.get_by_text("Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == shown


def test_arguments_have_types_and_names_and_can_be_written_by_hand(scene, visit):
    page = visit(scene.origin, to("http.lab", "code"))
    for kind, text in [("text", "5"), ("number", "123456789012345678901234567890"), ("number", "nan"), ("bool", "false"), ("json", '{"a": [1.50]}')]:
        page.get_by_role("button", name="+ Argument").click()
        page.locator("select.kind").last.select_option(kind)
        value = page.locator(".value-input").last
        value.select_option(text) if kind == "bool" else value.fill(text)
    page.get_by_role("button", name="+ Keyword argument").click()
    page.locator("select.kind").last.select_option("null")
    button = page.get_by_role("button", name="Call", exact=True)
    assert button.is_disabled()
    page.get_by_label("Name of the keyword argument").fill("word")
    button.click()
    wait_for_state(page, "200 OK")
    arrived = "[['5', 123456789012345678901234567890, nan, False, {'a': [1.5]}], [('word', None)]]"
    assert json.loads(result(page)) == arrived
    raw = page.get_by_label("The body of the request as JSON")
    raw.fill('{"args": [1, ')
    assert button.is_disabled()
    raw.fill('{"args": ["by hand"]}')
    assert page.locator(".value-input").first.is_disabled()
    page.keyboard.press("Control+Enter")
    page.locator("pre.json", has_text="by hand").wait_for()
    page.get_by_role("button", name="Follow the form").click()
    assert "word" in raw.input_value()


def test_a_known_signature_makes_a_form(scene, visit):
    page = visit(scene.origin, to("http.thermometer", "read"))
    page.locator("#member").get_by_text("The degrees at a place, rounded.").wait_for()
    place, digits = page.get_by_label("place", exact=True), page.get_by_label("digits", exact=True)
    assert digits.get_attribute("placeholder") == "default: 1"
    body = page.get_by_label("The body of the request as JSON")

    def sent():
        return json.loads(body.input_value())

    place.fill("roof")
    assert sent() == {"args": ["roof"], "kwargs": {}}
    digits.fill("many")
    page.get_by_text("digits is no integer").wait_for()
    assert page.get_by_role("button", name="Call", exact=True).is_disabled()
    digits.fill("2")
    assert sent() == {"args": ["roof", 2], "kwargs": {}}
    page.get_by_role("button", name="Leave digits out").click()
    page.keyboard.press("Control+Enter")
    wait_for_state(page, "200 OK")
    assert result(page) == "31.5"
    go(page, "http.thermometer", "history")
    page.get_by_label("by", exact=True).fill("hour")
    assert sent() == {"args": [], "kwargs": {"by": "hour"}}
    page.get_by_label("Type of place").select_option("null")
    assert sent() == {"args": [None, "hour"], "kwargs": {}}
    go(page, "http.thermometer", "limits")
    page.get_by_label("factors", exact=True).fill('{"roof": 2}')
    page.keyboard.press("Control+Enter")
    wait_for_state(page, "200 OK")
    assert json.loads(result(page)) == {"roof": 20.0}
    go(page, "http.thermometer", "stream")
    page.get_by_label("from", exact=True).fill("5")
    page.keyboard.press("Control+Enter")
    wait_for_state(page, "200 OK")
    assert page.locator(".items code").all_text_contents() == ["5", "6", "7"]
    go(page, "http.thermometer", "serial")
    page.locator("#member").get_by_text("read only").wait_for()
    assert page.get_by_role("button", name="Set", exact=True).count() == 0


@pytest.mark.full
def test_numbers_that_a_browser_cannot_read_are_shown_as_they_came(scene, visit):
    page = visit(scene.origin, to("http.lab", "numbers"))
    call(page)
    wait_for_state(page, "200 OK")
    for number in ("NaN", "-Infinity", str(2**70), "1.0"):
        assert page.locator("pre.json").get_by_text(number, exact=True).count() == 1


@pytest.mark.full
def test_a_long_result_shows_its_first_part(scene, visit):
    page = visit(scene.origin, to("http.lab", "give"))
    page.get_by_label("The body of the request as JSON").fill(json.dumps({"args": [list(range(100000, 150000))]}))
    page.keyboard.press("Control+Enter")
    wait_for_state(page, "200 OK")
    assert "149999" not in result(page)
    page.get_by_role("button", name="Show all").click()
    assert "149999" in result(page)
    page.get_by_role("button", name="Raw").click()
    assert result(page).startswith("[100000, 100001, ")


@pytest.mark.parametrize("name", ["http.lab", OLD, pytest.param("http.echo", marks=pytest.mark.full)])
def test_an_exception_shows_its_class_text_and_remote_traceback(scene, visit, name):
    member, text = ("error_with_text", "the message of the error") if name == "http.echo" else ("fail", "too hot: <900>")
    page = visit(scene.origin, to(name, member))
    call(page, *([] if name == "http.echo" else [text]))
    wait_for_state(page, "500 exception")
    line = page.locator(".exception-line")
    assert re.search(r"^(builtins\.)?ValueError", line.text_content()) and text in line.text_content()
    traceback = page.get_by_label("Remote traceback")
    assert traceback.text_content().startswith("Traceback (most recent call last):\n")
    assert traceback.text_content().endswith(f"ValueError: {text}")


@pytest.mark.parametrize("name", ["http.lab", OLD])
def test_a_stream_appears_item_by_item(scene, visit, name):
    page = visit(scene.origin, to(name, "steps"))
    page.get_by_label("The body of the request as JSON").fill('{"args": [3]}')
    page.keyboard.press("Control+Enter")
    peer = {"http.lab": PEERS[1], "http.oldlab": PEERS[0]}[name]
    with peer.api.Proxy(scene.labs[peer.name].uri) as lab:
        lab.release()
        page.locator(".response-body", has_text='"step": 1').wait_for()
        lab.release()
        page.locator(".count", has_text="2 items").wait_for()
        wait_for_state(page, "streaming")
        lab.release()
    wait_for_state(page, "200 OK")
    assert page.locator(".items code").all_text_contents() == [f'{{"step": {number}}}' for number in (1, 2, 3)]


@pytest.mark.full
def test_a_stream_of_rust_appears_too(scene, visit):
    page = visit(scene.origin, to("http.echo", "generator"))
    call(page)
    wait_for_state(page, "200 OK")
    assert page.locator(".items code").all_text_contents() == ['"one"', '"two"', '"three"']


@pytest.mark.full
def test_a_stream_can_be_stopped_and_keeps_its_last_items(scene, visit):
    page = visit(scene.origin, to("http.lab", "ticks"))
    call(page)
    expect(page.locator(".items li")).to_have_count(500)
    assert page.locator(".items li").first.locator(".number").text_content() != "1"
    page.get_by_role("button", name="Stop").click()
    wait_for_state(page, "stopped")
    count = page.locator(".count").text_content()
    assert page.locator(".items li").count() == 500
    assert page.locator(".items code").last.text_content() == count.split()[0]
    page.get_by_text(f"of {count}").wait_for()


@pytest.mark.full
def test_who_waits_too_long_can_stop(scene, visit):
    page = visit(scene.origin, to("http.lab", "wait"))
    call(page)
    wait_for_state(page, "waiting")
    page.keyboard.press("Escape")
    wait_for_state(page, "stopped")
    with PYRO5.api.Proxy(scene.labs["pyro5"].uri) as lab:
        lab.release()


@pytest.mark.full
def test_a_oneway_call_is_sent_and_has_no_answer(scene, visit):
    page = visit(scene.origin, to("http.lab", "fail"))
    page.get_by_label("oneway").check()
    call(page, "nobody hears this")
    page.get_by_text("Sent. A oneway call has no answer.").wait_for()


def test_history_brings_a_call_back(scene, visit):
    page = visit(scene.origin, to("http.lab", "give"))
    call(page, "first")
    page.locator("pre.json", has_text="first").wait_for()
    page.locator("#object").get_by_text("fail", exact=True).click()
    call(page, "second")
    wait_for_state(page, "500 exception")
    entries = page.locator(".history-list .entry")
    assert entries.locator(".what").all_text_contents() == ['http.lab.fail("second")', 'http.lab.give("first")']
    for again in ("in the same page", "after it was loaded anew"):
        entries.nth(1).click()
        page.locator("pre.json", has_text="first").wait_for()
        assert page.locator(".value-input").input_value() == "first", again
        page.goto(f"{scene.origin}/pyro/#/http.echo")
        page.reload()
    page.get_by_role("button", name="Clear").click()
    assert entries.count() == 0
    page.reload()
    page.get_by_text("What you call in this tab").wait_for()


def test_attributes_are_read_and_set(scene, visit):
    page = visit(scene.origin, to("http.lab"))
    page.get_by_role("button", name="Read level").click()
    level = page.locator("li.attribute", has_text="level").locator(".value")
    expect(page.locator("li.attribute .value")).to_have_text(re.compile("[^…]"))
    page.get_by_role("link", name="level").click()
    page.locator("form.set select.kind").select_option("json")
    page.locator("form.set .value-input").fill('{"high": 5}')
    page.get_by_role("button", name="Set").click()
    wait_for_state(page, "204 done")
    page.get_by_role("button", name="Read", exact=True).last.click()
    wait_for_state(page, "200 OK")
    assert result(page) == '{"high": 5}'
    assert level.text_content() == '{"high": 5}'
    page.locator("form.set select.kind").select_option("text")
    page.locator("form.set .value-input").fill("wrong")
    page.get_by_role("button", name="Set").click()
    page.get_by_text("no level").first.wait_for()


def test_links_lead_to_objects_and_members_and_back(scene, visit):
    page = visit(scene.origin, to("http.lab", "give"))
    page.locator("#member h2", has_text="give").wait_for()
    page.locator("#names").get_by_text("http.echo").click()
    page.locator("#object h1", has_text="http.echo").wait_for()
    page.locator("#object").get_by_text("generator", exact=True).click()
    page.locator("#member h2", has_text="generator").wait_for()
    assert page.url.endswith("#/http.echo/generator")
    page.go_back()
    page.go_back()
    page.locator("#member h2", has_text="give").wait_for()
    page.go_forward()
    page.locator("#object h1", has_text="http.echo").wait_for()
    assert page.title() == "http.echo · Pyro gateway"


@pytest.mark.full
def test_links_that_lead_nowhere_say_so(scene, visit):
    page = visit(scene.origin, "#/%E0%A4%A")
    page.get_by_text("Choose a name").wait_for()
    for hash, text in [
        ("#/http.gone", "Its server does not answer"),
        ("#/http.never", "There is no such name"),
        ("#/other.lab", "The gateway does not allow this"),
        ("#/http.lab/nothing", "There is no such member"),
    ]:
        page.goto(f"{scene.origin}/pyro/{hash}")
        page.get_by_text(text).first.wait_for()


HARD_TEXTS = [
    "plain",
    "",
    " two  words ",
    "it's",
    'a "quoted" one',
    "back\\slash \\n \\' \\\"",
    "two\nlines\r\n\tand a tab",
    "$HOME ${PATH} $(id) `id` !! %s {} {0}",
    "-n",
    "name=value",
    "None",
    "5",
    "[1, 2]",
    "b'x'",
    "@file",
    "ä € 😀 \u2028 \u202e \x7f \x01",
    "'\\''",
    "#{x} // /* */",
]


@pytest.mark.parametrize("name", ["http.lab", OLD])
@pytest.mark.parametrize("language", ["curl", "ferropyro call", "Python"])
def test_what_is_copied_runs(scene, visit, ferropyro, tmp_path, name, language):
    values = [*HARD_TEXTS, 5, -1.5, 2**70, True, None, float("nan"), -float("inf"), [1, ["two", {"three's": 3.0}]], {"a \"b\"": None}]
    body = {"args": values, "kwargs": {"word": "it's $HOME\n\"quoted\"", "number": -7}}
    page = visit(scene.origin, to(name, "code"))
    page.get_by_label("The body of the request as JSON").fill(json.dumps(body, ensure_ascii=False))
    page.get_by_role("button", name=language, exact=True).click()
    page.locator(".code").get_by_text(f"{language}: copied").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert page.locator(".code pre").text_content() == copied
    link(tmp_path, ferropyro, "ferropyro")
    env = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    done = run([sys.executable, "-c", copied] if language == "Python" else ["sh", "-c", copied], env=env)
    assert done.returncode == 0, done.stderr
    read = {"curl": json.loads, "ferropyro call": ast.literal_eval, "Python": str.rstrip}[language]
    assert read(done.stdout) == ascii([body["args"], sorted(body["kwargs"].items())])


@pytest.mark.full
def test_what_is_copied_of_attributes_and_streams_runs(scene, visit, ferropyro, tmp_path):
    link(tmp_path, ferropyro, "ferropyro")
    env = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}

    def copied(page, language):
        page.get_by_role("button", name=language, exact=True).click()
        text = page.locator(".code pre").text_content()
        return run([sys.executable, "-c", text] if language == "Python" else ["sh", "-c", text], env=env).stdout.splitlines()

    page = visit(scene.origin, to("http.echo", "generator"))
    call(page)
    wait_for_state(page, "200 OK")
    assert copied(page, "curl")[:1] == ['data: "one"']
    assert copied(page, "ferropyro call") == ["'one'", "'two'", "'three'"]
    assert copied(page, "Python") == ["one", "two", "three"]
    page = visit(scene.origin, to("http.echo", "verbose"))
    assert [copied(page, language) for language in ("curl", "ferropyro call", "Python")] == [["false"], ["False"], ["False"]]


@pytest.mark.full
def test_a_call_as_rust_has_the_values_of_rust(scene, visit):
    page = visit(scene.origin, to("http.lab", "code"))
    body = '{"args": ["a \\"b\\"\\n{}", 1, 1e5, NaN, 12345678901, [null, true]], "kwargs": {"k": "v"}}'
    page.get_by_label("The body of the request as JSON").fill(body)
    page.get_by_role("button", name="Rust", exact=True).click()
    text = page.locator(".code pre").text_content()
    assert "use ferropyro::{Dict, Proxy, Value};" in text
    args = r'("a \"b\"\n{}", 1, 1.0e5, f64::NAN, 12345678901_i64, Value::List(vec![Value::None, Value::from(true)]))'
    assert f'proxy.call_with("code", {args}, &Dict::from([("k", Value::from("v"))]))?;' in text


def test_keys_alone_are_enough(scene, visit):
    page = visit(scene.origin)
    name_of(page, "http.lab").wait_for()
    page.keyboard.press("/")
    page.keyboard.type("lab")
    page.locator("#count", has_text="2 names").wait_for()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    page.locator("#object h1", has_text="http.lab").wait_for()
    page.get_by_role("link", name="code").focus()
    page.keyboard.press("Home")
    while page.evaluate("document.activeElement.textContent") != "numbers":
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.locator("#member h2", has_text="numbers").wait_for()
    page.keyboard.press("Control+Enter")
    wait_for_state(page, "200 OK")
    page.keyboard.press("?")
    page.get_by_role("dialog").get_by_text("search names").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="hidden")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "search"


def lightness(page):
    return sum(int(part) for part in re.findall(r"\d+", page.evaluate("getComputedStyle(document.getElementById('top')).backgroundColor"))[:3])


def test_it_is_dark_where_the_system_is_and_where_it_is_told_to(scene, visit):
    page = visit(scene.origin)
    assert lightness(page) > 600
    page.emulate_media(color_scheme="dark")
    assert lightness(page) < 200
    switch = page.locator("#theme-button")
    switch.click()
    assert "Light" in switch.text_content() and lightness(page) > 600
    page.reload()
    assert lightness(page) > 600
    switch.click()
    assert "Dark" in switch.text_content() and lightness(page) < 200


@pytest.mark.full
def test_a_gateway_with_a_key_asks_for_it(scene, visit, servers, ferropyro):
    key = {"PYRO_HTTPGATEWAY_KEY": "s3cret"}
    _, port = gateways.start(servers, [ferropyro, "httpgateway"], scene.names.port, env=key)
    page = visit(f"http://127.0.0.1:{port}", to("http.lab", "give"))
    for offered in ("wrong", "s3cret"):
        page.locator("#names").get_by_role("button", name="Enter the key").click()
        page.locator("#key").fill(offered)
        page.get_by_role("button", name="Use it").click()
    call(page, "with a key")
    wait_for_state(page, "200 OK")
    page.get_by_role("button", name="curl").click()
    assert "$PYRO_HTTPGATEWAY_KEY" in page.locator(".code").text_content()
    assert "s3cret" not in page.content()
    assert "s3cret" not in page.evaluate("JSON.stringify([{...localStorage}, sessionStorage['ferropyro-history']])")
    page.reload()
    name_of(page, "http.lab").wait_for()


@pytest.mark.full
def test_a_read_only_gateway_says_so(scene, visit, servers, ferropyro):
    _, port = gateways.start(servers, [ferropyro, "httpgateway", "--read-only"], scene.names.port)
    page = visit(f"http://127.0.0.1:{port}", to("http.thermometer", "unit"))
    page.locator("#top").get_by_text("read only").wait_for()
    expect(page.get_by_role("button", name="Set", exact=True)).to_have_count(0)
    page.keyboard.press("Control+Enter")
    wait_for_state(page, "200 OK")
    go(page, "http.thermometer", "price")
    page.keyboard.press("Control+Enter")
    wait_for_state(page, "403 forbidden")
    page.locator(".response").get_by_text("--allow").wait_for()


@pytest.mark.full
def test_it_says_what_to_do_without_names_and_without_a_name_server(servers, visit, ferropyro):
    names = servers.start([ferropyro, "ns", "-n", "localhost", "-p", "0"], ready=r"^URI = PYRO:")
    env = {"PYRO_BROADCAST_ADDRS": ""}
    gateway, port = gateways.start(servers, [ferropyro, "httpgateway", "-e", r"shop\."], names.port, env=env)
    page = visit(f"http://127.0.0.1:{port}")
    page.get_by_text("Nothing is exposed").wait_for()
    assert r"shop\." in page.locator("#names").text_content()
    page.screenshot(path=picture("nothing-exposed"))
    names.stop()
    page.get_by_role("button", name="Refresh").click()
    page.get_by_text("There is no name server").wait_for()
    page.screenshot(path=picture("no-name-server"))
    gateway.stop()
    page.get_by_role("button", name="Try again").click()
    page.get_by_text("The gateway does not answer").wait_for()
    # The browser's own words about it.
    page.watch.complaints = [text for text in page.watch.complaints if "ERR_CONNECTION_REFUSED" not in text]


def test_without_scripts_there_is_a_list(scene, visit):
    page = visit(scene.origin, java_script_enabled=False)
    assert page.get_by_role("link", name="http.lab").get_attribute("href") == "http%2Elab/%24meta"
    assert page.locator("#app").is_hidden()


def picture(name):
    PICTURES.mkdir(parents=True, exist_ok=True)
    return PICTURES / f"{name}.png"


@pytest.mark.parametrize(
    ("size", "scheme"),
    [
        ("desktop", "light"),
        ("phone", "dark"),
        pytest.param("desktop", "dark", marks=pytest.mark.full),
        pytest.param("phone", "light", marks=pytest.mark.full),
    ],
)
def test_nothing_is_wider_than_the_window(scene, visit, size, scheme):
    page = visit(scene.origin, viewport={"desktop": DESKTOP, "phone": PHONE}[size], scheme=scheme)

    def look(view):
        page.screenshot(path=picture(f"{view}-{size}-{scheme}"), full_page=size == "phone")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), view

    name_of(page, "http.gone").get_by_text("not reachable").wait_for()
    look("names")
    page.locator("#names").get_by_text("http.lab").click()
    page.get_by_role("button", name="Read level").click()
    expect(page.locator("li.attribute .value")).to_have_text(re.compile("[^…]"))
    look("object")
    page.locator("#object").get_by_text("give", exact=True).click()
    raw = page.get_by_label("The body of the request as JSON")
    program = {"steel": [20.0, 550.0, 550.0, 20.0], "notes": {"checked": True, "by": None, "text": "Cool it slowly, or it will crack.\n" * 3}}
    raw.fill(json.dumps({"args": [program]}))
    page.keyboard.press("Control+Enter")
    wait_for_state(page, "200 OK")
    page.get_by_role("button", name="ferropyro call", exact=True).click()
    look("result")
    raw.fill(json.dumps({"args": ["x" * 3000]}))
    page.keyboard.press("Control+Enter")
    page.locator("pre.json", has_text="xxx").wait_for()
    page.get_by_role("button", name="ferropyro call", exact=True).click()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.goto(f"{scene.origin}/pyro/{to('http.lab', 'fail')}")
    page.locator("#member h2", has_text="fail").wait_for()
    call(page, "900 degrees are too hot")
    wait_for_state(page, "500 exception")
    look("exception")
    page.goto(f"{scene.origin}/pyro/{to('http.echo', 'generator')}")
    page.locator("#member h2", has_text="generator").wait_for()
    call(page)
    wait_for_state(page, "200 OK")
    look("stream")
    page.goto(f"{scene.origin}/pyro/{to('http.thermometer', 'history')}")
    page.locator("#member h2", has_text="history").wait_for()
    page.get_by_label("by", exact=True).fill("hour")
    look("form")
    if size == "phone":
        page.get_by_role("link", name="http.thermometer").click()
        page.locator("#object h1", has_text="http.thermometer").wait_for()
        look("described")
        page.get_by_role("link", name="Names").click()
        name_of(page, "http.lab").wait_for()


SCRIPTS = ["window.pwned = 1", "alert(1)", "document.title='pwned'", "fetch('//evil.example/')"]
FRAMES = [
    "<script>{}</script>",
    "</script><script>{}</script>",
    "</style><script>{}</script>",
    "<img src=x onerror=\"{}\">",
    "\"><svg onload=\"{}\">",
    "' onmouseover='{}' x='",
    "\" autofocus onfocus=\"{}\" x=\"",
    "<iframe srcdoc=\"<script>{}</script>\"></iframe>",
    "<a href=\"javascript:{}\">a</a>",
    "javascript:{}",
    "data:text/html,<script>{}</script>",
    "<base href=//evil.example/>{}",
    "<meta http-equiv=refresh content='0;url=//evil.example/'>{}",
    "<link rel=stylesheet href=//evil.example/x.css>{}",
    "<form action=//evil.example/><button autofocus>{}",
    "<object data=\"javascript:{}\"></object>",
    "<embed src=\"javascript:{}\">",
    "<video><source onerror=\"{}\"></video>",
    "<details open ontoggle=\"{}\">",
    "<input autofocus onfocus=\"{}\">",
    "<marquee onstart=\"{}\">",
    "<body onload=\"{}\">",
    "<math><mtext><table><mglyph><style><img src=x onerror=\"{}\">",
    "<!--><script>{}</script>-->",
    "]]><script>{}</script>",
    "<template><script>{}</script></template>",
    "<noscript><p title=\"</noscript><img src=x onerror='{}'>\">",
    "${{{}}}",
    "{{{{{}}}}}",
    "`${{{}}}`",
    "{{nonce}}{{token}}{{script}}{{objects}}{}",
    "\\u003cscript\\u003e{}\\u003c/script\\u003e",
    "%3Cscript%3E{}%3C/script%3E",
    "&lt;script&gt;{}&lt;/script&gt;",
    "\u2028{}\u2029",
    "\u202e<script>{}</script>",
    "\ufeff<script>{}</script>",
    "a\x00b<script>{}</script>",
    "\r\nSet-Cookie: a=b\r\n\r\n<script>{}</script>",
    "@import '//evil.example/{}';",
    "url(//evil.example/{})",
    "__proto__ {}",
    "../../{}",
    "/{}/",
    "#/{}",
    "?x={}&y",
    "'; {} //",
    "*/ {} /*",
    "x" * 2000 + "<script>{}</script>",
    "😀 <b>{}</b>",
]
HOSTILE = [frame.format(script) for frame in FRAMES for script in SCRIPTS]


def assert_untouched(page):
    assert page.evaluate("window.pwned") is None
    assert page.title().endswith("Pyro gateway") and page.title() != "pwned"


def test_the_corpus_has_two_hundred_texts():
    assert len(set(HOSTILE)) == 200


@pytest.fixture(scope="module")
def hostile_scene(scene, ferropyro, rust_server):
    """A name server of its own, with all those names, each with such a tag."""
    with Servers() as servers:
        names = servers.start([ferropyro, "ns", "-n", "localhost", "-p", "0"], ready=r"^URI = PYRO:")
        with PYRO5.locate_ns("127.0.0.1", names.port) as found:
            for number, text in enumerate(HOSTILE):
                found.register(text, scene.labs["pyro5"].uri, metadata=[HOSTILE[-number]])
            found.register("told.hostile", rust_peer.uri_of(rust_server, "told.hostile"))
        _, port = gateways.start(servers, [ferropyro, "httpgateway", "-e", ""], names.port)
        yield f"http://127.0.0.1:{port}"


def test_hostile_names_and_tags_are_texts(hostile_scene, visit):
    page = visit(hostile_scene)
    # Pressed twice, it loads the next names once.
    for _ in range(2):
        more = page.get_by_role("button", name="More (", disabled=False)
        more.evaluate("button => { button.click(); button.click(); }")
    page.locator("#count", has_text=re.compile("^20[0-9] names$")).wait_for()
    names = set(page.locator("#names .name").all_text_contents())
    tags = set(page.locator("#names .chip").all_text_contents())
    assert set(HOSTILE) <= names and set(HOSTILE) <= tags
    assert_untouched(page)
    for text in HOSTILE[::16]:
        go(page, text, "give")
        page.locator("#member h2", has_text="give").wait_for()
        assert page.locator("#object h1").text_content() == text
    assert_untouched(page)


def test_hostile_results_and_exceptions_are_texts(scene, visit):
    page = visit(scene.origin, to("http.lab", "give"))
    body = page.get_by_label("The body of the request as JSON")
    for member, state in [("give", "200 OK"), ("fail_with", "500 exception")]:
        page.locator("#object").get_by_text(member, exact=True).click()
        body.fill(json.dumps({"args": [HOSTILE]}))
        page.keyboard.press("Control+Enter")
        wait_for_state(page, state)
        for button in page.get_by_role("button", name="Show all").all():
            button.click()
        shown = page.locator(".response").text_content()
        assert all(json.dumps(text, ensure_ascii=False) in shown or json.dumps(text) in shown for text in HOSTILE if "\x00" not in text)
        for language in ("curl", "ferropyro call", "Python", "Rust"):
            page.get_by_role("button", name=language, exact=True).click()
    assert_untouched(page)


@pytest.mark.full
def test_what_a_hostile_daemon_tells_are_texts(hostile_scene, visit):
    page = visit(hostile_scene, to("told.hostile"))
    page.locator("#object nav").wait_for()
    links = page.locator("#object nav a").evaluate_all("links => links.map(link => link.getAttribute('href'))")
    assert len(links) > 40
    for link in links:
        follow(page, link)
        assert page.locator("#member h2").count() == 1
    assert_untouched(page)


@pytest.mark.full
def test_hostile_descriptions_are_texts(scene, visit):
    def member(number, **more):
        text = HOSTILE[number]
        parameter = {"name": text, "type": HOSTILE[-number], "default": text}
        return {"name": text, "doc": text, "oneway": False, "signature": {"parameters": [parameter], "returns": text}, **more}

    description = {
        "name": "http.lab", "uri": HOSTILE[3], "protocol": 502, "instance_mode": HOSTILE[4], "doc": HOSTILE[5],
        "methods": [member(number) for number in range(200)],
        "attributes": [{"name": f"{text} ", "type": text, "doc": text, "writable": None} for text in HOSTILE],
    }
    page = visit(scene.origin)
    page.route("**/api/objects/http.lab", lambda route: route.fulfill(json=description))
    page.evaluate("location.hash = '#/http.lab'")
    page.locator("#object h1", has_text="http.lab").wait_for()
    for text in HOSTILE[::10]:
        for name in (text, f"{text} "):
            go(page, "http.lab", name)
            assert page.locator("#member h2 span").first.text_content() == name
    assert_untouched(page)
