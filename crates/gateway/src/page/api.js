/*
 * Requests to the gateway.
 */

const TOKEN_OF_PAGE = document.querySelector('meta[name="pyro-token"]').content;
const KEY_STORE = "ferropyro-key";

/** Beside the page, wherever a server before the gateway has put both. */
const addressOf = (path) => new URL(`../api/${path}`, document.baseURI);

const pathOf = (object, member) =>
  `objects/${encodeURIComponent(object)}` + (member === undefined ? "" : `/${encodeURIComponent(member)}`);

const gatewayKey = () => sessionStorage.getItem(KEY_STORE) ?? "";

function send(method, path, { body, headers = {}, signal } = {}) {
  const all = { ...headers };
  if (gatewayKey() !== "") all["X-Pyro-Gateway-Key"] = gatewayKey();
  if (method !== "GET") all["X-Pyro-Token"] = TOKEN_OF_PAGE;
  return fetch(addressOf(path), { method, headers: all, body, signal, cache: "no-store" });
}

/** Why there is nothing to show: {status, title, text, advice, isKey}. */
function failureOf(status, body) {
  const exception = parseJson(body);
  const text = exception?.__exception__ ? exceptionText(exception) : body.trim();
  const isKey = status === 403 && text.includes("api key");
  const [title, advice] = {
    0: ["The gateway does not answer", `Is ferropyro httpgateway still running at ${location.host}?`],
    403: isKey
      ? ["This gateway wants a key", "It was started with PYRO_HTTPGATEWAY_KEY. Enter that key to go on."]
      : ["The gateway does not allow this", "It exposes the names that match its option -e. If it was started anew, reload this page."],
    400: ["The gateway cannot read this", "The body has args, a list, and kwargs, a dictionary; both may be left out."],
    404: ["There is no such name", "It may have been removed, or its program has ended. Refresh the list of names."],
    405: ["This cannot be done with it", "Methods are called; attributes are read and set."],
    413: ["This is too long", "The gateway takes as much as its option --max-body says."],
    502: ["Its server does not answer", "The name is registered, but nobody can be reached there. Is that program still running?"],
    503: ["There is no name server", "Start one with: ferropyro ns"],
    504: ["Its server does not answer in time", "Try again, or give the gateway more time with its option -t."],
  }[status] ?? [`The gateway answers with status ${status}`, "Its log may tell more."];
  return { status, title, text, advice, isKey };
}

/** What the gateway says in JSON: {data} or {failure}. Only an abort is thrown. */
async function ask(path, signal) {
  try {
    const response = await send("GET", path, { signal });
    const body = await response.text();
    const data = response.ok ? parseJson(body) : undefined;
    return data === undefined ? { failure: failureOf(response.status, body) } : { data };
  } catch (error) {
    if (error.name === "AbortError") throw error;
    return { failure: failureOf(0, String(error)) };
  }
}

/** A failure as a block, with a button that tries again. */
function failureBlock({ title, text, advice, isKey }, retry) {
  return build("div.failure", { role: "alert" },
    build("h3", {}, title),
    build("p.muted", {}, advice),
    text !== "" && !isKey && build("pre", {}, text),
    build("p.buttons", {},
      isKey && build("button.primary", { type: "button", onclick: openKeyDialog }, "Enter the key"),
      build("button", { type: "button", onclick: retry }, "Try again")));
}

/** The events of a stream (server-sent events), {event, data}, as they come. `onBytes` hears how many bytes there were. */
async function* eventsOf(response, onBytes) {
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let parts = [];
  let event = { event: "message", data: [] };
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    onBytes(value.length);
    const part = decoder.decode(value, { stream: true });
    parts.push(part);
    if (!/[\r\n]/.test(part)) continue;
    const lines = parts.join("").split(/\r\n|\n|\r(?!$)/);
    parts = [lines.pop()];
    for (const line of lines) {
      if (line === "") {
        if (event.data.length > 0) yield { event: event.event, data: event.data.join("\n") };
        event = { event: "message", data: [] };
        continue;
      }
      const [, field, text] = /^([^:]*):? ?([\s\S]*)$/.exec(line);
      if (field === "event") event.event = text;
      if (field === "data") event.data.push(text);
    }
  }
}
