/*
 * What was asked in this tab. Keys are not part of it.
 */

const HISTORY_STORE = "ferropyro-history";
const MOST_ENTRIES = 50;
/** Longer results are called again rather than kept, in characters. */
const LONGEST_KEPT = 20000;

let entries = [];

function startHistory() {
  const kept = parseJson(sessionStorage.getItem(HISTORY_STORE) ?? "[]");
  if (Array.isArray(kept)) entries = kept;
  drawHistory();
}

/** Adds what was asked and what came of it, newest first. */
function remember(request, outcome, form) {
  const { object, member, verb, body, isOneway } = request;
  const { state, status, ms, size, id, type, text, error, failure, isStream, isEvents, count } = outcome;
  const items = isStream ? outcome.items.slice(-50) : [];
  const isKept = text.length + (error ?? "").length + items.reduce((sum, item) => sum + item.json.length, 0) <= LONGEST_KEPT;
  const kept = isKept ? { text, error, items } : { text: "", items: [], isCut: true };
  entries.unshift({
    at: Date.now(), request: { object, member, verb, body, isOneway }, form,
    outcome: { state, status, ms, size, id, type, failure, isStream, isEvents, isOneway, count, ...kept },
  });
  entries.length = Math.min(entries.length, MOST_ENTRIES);
  storeHistory();
  drawHistory();
}

function storeHistory() {
  for (;;) {
    try {
      sessionStorage.setItem(HISTORY_STORE, JSON.stringify(entries));
      return;
    } catch {
      /* The store of a tab is small. */
      if (entries.length === 0) return;
      entries.length = Math.floor(entries.length / 2);
    }
  }
}

function drawHistory() {
  const clear = () => {
    entries = [];
    storeHistory();
    drawHistory();
  };
  show(byId("history"),
    build("div.tools", {}, build("h2", {}, "History ", entries.length > 0 && build("span.muted", {}, entries.length)),
      entries.length > 0 && build("button.link", { type: "button", onclick: clear }, "Clear")),
    entries.length === 0 && build("p.muted", {}, "What you call in this tab will stand here, to be looked at and called again."),
    entries.length > 0 && build("ul.history-list", { role: "list" }, ...entries.map(historyItem)));
}

function historyItem(entry) {
  const { request, outcome, at } = entry;
  const sign = { call: summaryOfBody(request.body), read: "", set: ` = ${shorten(request.body, 60)}` }[request.verb];
  const state = build("span.state", {}, stateText(outcome));
  state.classList.add(isFine(outcome) ? "is-fine" : "is-error");
  return build("li", {},
    build("button.entry", { type: "button", onclick: () => bringBack(entry) },
      build("time", { datetime: new Date(at).toISOString() }, new Date(at).toLocaleTimeString()),
      build("span.what", {}, build("bdi.muted", {}, `${request.object}.`), build("strong", {}, request.member), build("span", {}, sign)),
      build("span.fact", {}, duration(outcome.ms)), state));
}

/** The arguments of a body, in short. */
function summaryOfBody(body) {
  try {
    const { args, kwargs } = argumentsOf(body);
    const texts = [...args.map((node) => pythonValue(node)), ...kwargs.map(([name, node]) => `${name}=${pythonValue(node)}`)];
    return `(${shorten(texts.join(", "), 60)})`;
  } catch {
    return `(${shorten(body, 60)})`;
  }
}
