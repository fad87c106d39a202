/*
 * What came of a request: result, exception, or stream.
 */

/** So much of a result is shown at first, in characters. */
const FIRST_PART = 20000;
/** So many items of a stream are kept. */
const MOST_ITEMS = 500;

/** The text of an exception as Pyro sends it. */
function exceptionText(exception) {
  return `${exception.__class__}: ${argsText(exception.args)}`;
}

function argsText(args) {
  if (!Array.isArray(args)) return "";
  return args.length === 1 && typeof args[0] === "string" ? args[0] : args.map((arg) => JSON.stringify(arg)).join(", ");
}

/** Makes a request {object, member, verb, body, isOneway, isStream} and tells `onChange` of its outcome while it grows. */
async function perform(request, signal, onChange) {
  const outcome = { state: "running", items: [], count: 0, size: 0, text: "", isEvents: false, isStream: request.isStream };
  const start = performance.now();
  const headers = {};
  if (request.verb !== "read") headers["Content-Type"] = "application/json";
  if (request.verb === "call") headers.Accept = request.isPlain ? "application/json" : "text/event-stream";
  if (request.isOneway) headers["X-Pyro-Options"] = "oneway";
  const method = { call: "POST", read: "GET", set: "PUT" }[request.verb];
  try {
    const body = request.verb === "read" ? undefined : request.body;
    const response = await send(method, pathOf(request.object, request.member), { body, headers, signal });
    outcome.status = response.status;
    outcome.id = response.headers.get("X-Pyro-Correlation-Id");
    outcome.type = response.headers.get("Content-Type") ?? "";
    outcome.ms = performance.now() - start;
    if (outcome.type.startsWith("text/event-stream")) {
      await readEvents(response, outcome, start, onChange);
    } else {
      outcome.text = await response.text();
      outcome.size = new Blob([outcome.text]).size;
      outcome.isStream = false;
    }
    outcome.state = "done";
  } catch (error) {
    outcome.state = error.name === "AbortError" ? "stopped" : "failed";
    outcome.failure = String(error.message ?? error);
    outcome.isStream ||= outcome.count > 0;
  }
  outcome.ms = performance.now() - start;
  onChange(outcome);
  return outcome;
}

/** The events of a call. One item alone counts as a result, unless the method is known for its streams: the gateway sends both in the same way. */
async function readEvents(response, outcome, start, onChange) {
  outcome.isEvents = true;
  let hasEnd = false;
  for await (const { event, data } of eventsOf(response, (more) => { outcome.size += more; })) {
    if (event === "end") {
      hasEnd = true;
    } else if (event === "error") {
      hasEnd = true;
      outcome.error = data;
    } else {
      outcome.count += 1;
      outcome.items.push({ number: outcome.count, ms: performance.now() - start, json: data });
      if (outcome.items.length > MOST_ITEMS) outcome.items.shift();
      outcome.isStream ||= outcome.count > 1;
      outcome.text = outcome.isStream ? "" : data;
    }
    outcome.ms = performance.now() - start;
    onChange(outcome);
  }
  if (!hasEnd) throw new Error("the stream broke off");
  outcome.isStream ||= outcome.count === 0 && outcome.error === undefined;
  if (!outcome.isStream) outcome.size = new Blob([outcome.text]).size;
}

/** Shows outcomes. `stop` is called to end what is running, `again` to call once more and have a stream. */
class ResponseView {
  constructor({ stop, again }) {
    this.again = again;
    this.isRaw = false;
    this.facts = build("p.facts");
    /* What screen readers say; the facts of a stream change too often for that. */
    this.spoken = build("p.offscreen", { role: "status", "aria-live": "polite" });
    this.body = build("div.response-body");
    this.element = build("section.response", { "aria-label": "Response", hidden: true }, this.spoken, this.facts, this.body);
    this.stopButton = build("button.stop", { type: "button", onclick: stop, "aria-keyshortcuts": "Escape" }, "Stop");
    this.drawn = null;
  }

  /** Draws it before the next picture is painted, however often it changes until then. */
  update(outcome) {
    this.outcome = outcome;
    if (this.isWaiting) return;
    this.isWaiting = true;
    requestAnimationFrame(() => {
      this.isWaiting = false;
      this.draw();
    });
  }

  /** `isNew`: whether it is to be brought into view. */
  show(outcome, isNew = false) {
    this.outcome = outcome;
    this.isNew = isNew;
    this.drawn = null;
    this.draw();
  }

  draw() {
    this.drawOutcome(this.outcome);
    if (!this.isNew || this.body.childElementCount === 0) return;
    this.isNew = false;
    /* On a phone it would be below the window. */
    this.element.scrollIntoView({ block: matchMedia("(max-width: 680px)").matches ? "start" : "nearest" });
  }

  drawOutcome(outcome) {
    this.element.hidden = false;
    this.drawFacts(outcome);
    if (outcome.isStream && outcome.isEvents && !outcome.isCut) return this.drawStream(outcome);
    this.drawn = null;
    if (outcome.isCut) return show(this.body, build("p.muted", {}, "The answer was too long to be kept. Call again to see it."));
    if (outcome.state === "running" && outcome.text === "") return show(this.body);
    if (outcome.state === "stopped") return show(this.body, build("p.muted", {}, "Not waited for any longer. The method may still be running."));
    if (outcome.state === "failed") return show(this.body, failureOfCall(0, outcome.failure));
    this.drawResult(outcome);
  }

  drawFacts(outcome) {
    const isRunning = outcome.state === "running";
    const text = stateText(outcome);
    if (this.spoken.textContent !== text) this.spoken.textContent = text;
    const state = build("span.state", {}, text);
    state.classList.add(isRunning ? "is-running" : isFine(outcome) ? "is-fine" : "is-error");
    show(this.facts, state, isRunning && this.stopButton,
      outcome.isStream && outcome.isEvents && build("span.fact.count", {}, `${outcome.count} ${outcome.count === 1 ? "item" : "items"}`),
      outcome.ms !== undefined && build("span.fact.time", { title: "From the request to the end of the answer" }, duration(outcome.ms)),
      outcome.status !== undefined && build("span.fact.size", { title: `${outcome.size} bytes` }, bytes(outcome.size)),
      outcome.id && build("span.fact.id", {}, copyButton(outcome.id, () => outcome.id, "button.link.mono")));
    this.facts.querySelector(".id button")?.setAttribute("title", "The correlation id; copies it");
  }

  drawResult(outcome) {
    if (outcome.error !== undefined) return show(this.body, this.exceptionBlock(outcome.error));
    if (outcome.text === "") {
      const text = outcome.isOneway ? "Sent. A oneway call has no answer." : "Done; the answer is empty.";
      return show(this.body, build("p.muted", {}, text));
    }
    if (outcome.status >= 400) {
      const value = parseJson(outcome.text);
      if (value?.__exception__) return show(this.body, this.exceptionBlock(outcome.text, outcome.status));
      return show(this.body, failureOfCall(outcome.status, outcome.text));
    }
    show(this.body, this.jsonBlock(outcome.text));
  }

  /** JSON in colours or as it came, its first part at first. */
  jsonBlock(json) {
    const view = build("pre.json", { tabindex: "0", "aria-label": "Result" });
    const note = build("p.foot");
    const choice = (isRaw, label) => build("button", { type: "button", "aria-pressed": String(this.isRaw === isRaw), onclick: () => {
      this.isRaw = isRaw;
      block.replaceWith(this.jsonBlock(json));
    } }, label);
    const tools = build("div.tools", {}, build("span.segments", {}, choice(false, "Pretty"), choice(true, "Raw")),
      copyButton("Copy", () => json), build("button.link", { type: "button", onclick: () => download(json, "result.json") }, "Download"));
    const fill = (most) => {
      let isWhole = json.length <= most;
      if (this.isRaw) {
        view.textContent = json.slice(0, most);
      } else {
        const pretty = prettyPieces(json, most);
        isWhole = pretty.isWhole;
        /* So many elements would take a browser minutes. */
        if (most > FIRST_PART) view.textContent = pretty.pieces.map((piece) => piece.text).join("");
        else paint(view, pretty.pieces);
      }
      note.hidden = isWhole;
      show(note, `The first part of ${bytes(new Blob([json]).size)}. `,
        build("button.link", { type: "button", onclick: () => fill(Infinity) }, "Show all"));
    };
    const block = build("div.json-block", {}, tools, view, note);
    fill(FIRST_PART);
    return block;
  }

  exceptionBlock(json, status) {
    const { __class__: name, args, attributes = {} } = parseJson(json);
    const { _pyroTraceback: lines, ...others } = attributes;
    const traceback = Array.isArray(lines) ? lines.join("") : String(lines ?? "");
    const raw = build("details", {}, build("summary", {}, "As JSON"), this.jsonBlock(json));
    const again = status === 406 && build("button", { type: "button", onclick: this.again }, "Call it once more, as a stream");
    return build("div.exception", {},
      build("p.exception-line", {}, build("strong", {}, name), build("span", {}, argsText(args))),
      again,
      Object.keys(others).length > 0 && paint(build("pre.json"), prettyPieces(JSON.stringify(others), FIRST_PART).pieces),
      traceback !== "" && build("div.traceback", {},
        build("div.tools", {}, build("h3", {}, "Remote traceback"), copyButton("Copy", () => traceback)),
        build("pre", { tabindex: "0", "aria-label": "Remote traceback" }, traceback.replace(/\n$/, ""))),
      raw);
  }

  /** Adds what has come since, and keeps the end in view for who looks at the end. */
  drawStream(outcome) {
    if (this.drawn?.outcome !== outcome) {
      const list = build("ol.items", { tabindex: "0", "aria-label": "Items of the stream" });
      this.drawn = { outcome, list, last: 0, end: build("div") };
      show(this.body, list, this.drawn.end);
    }
    const { list, end } = this.drawn;
    const isAtEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 8;
    const fresh = outcome.items.filter((item) => item.number > this.drawn.last);
    list.append(...fresh.map(itemRow));
    while (list.children.length > MOST_ITEMS) list.firstChild.remove();
    this.drawn.last = outcome.count;
    list.hidden = list.children.length === 0;
    if (isAtEnd) list.scrollTop = list.scrollHeight;
    if (outcome.state === "running") return;
    show(end,
      outcome.error !== undefined && this.exceptionBlock(outcome.error),
      outcome.state === "failed" && failureOfCall(0, outcome.failure),
      outcome.count === 0 && build("p.muted", {}, "It ended without an item."),
      outcome.count > 0 && build("p.foot", {},
        outcome.count > outcome.items.length && `The last ${outcome.items.length} of ${outcome.count} items. `,
        build("button.link", { type: "button", onclick: () => download(`[${outcome.items.map((item) => item.json).join(",\n")}]`, "items.json") }, "Download")));
  }
}

function itemRow({ number, ms, json }) {
  const row = build("li", {}, build("span.number", {}, number), build("span.at", {}, duration(ms)));
  const { pieces, isWhole } = prettyPieces(json, 2000);
  row.append(paint(build("code"), isWhole ? pieces : [...pieces, { kind: "blank", text: "…" }]));
  return row;
}

function failureOfCall(status, text) {
  const failure = failureOf(status, text);
  return build("div.failure", {}, build("h3", {}, failure.title), build("p.muted", {}, failure.advice),
    build("pre", {}, failure.text),
    failure.isKey && build("p.buttons", {}, build("button.primary", { type: "button", onclick: openKeyDialog }, "Enter the key")));
}

const STATUS_TEXTS = { 200: "OK", 204: "done", 400: "not readable", 403: "forbidden", 404: "not found", 405: "not allowed", 406: "a stream", 413: "too long", 500: "exception", 502: "no server", 503: "unavailable", 504: "no answer in time" };

function stateText({ state, status, count, error }) {
  if (state === "running") return count > 0 ? "streaming" : "waiting";
  if (state === "stopped") return "stopped";
  if (state === "failed") return "no answer";
  if (error !== undefined) return `${status} exception`;
  return `${status} ${STATUS_TEXTS[status] ?? ""}`.trim();
}

function isFine({ state, status, error }) {
  return state === "done" && status < 400 && error === undefined;
}
