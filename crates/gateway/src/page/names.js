/*
 * The list of names.
 */

const names = { objects: [], alive: new Map(), total: 0, next: null, tag: "", failure: null, isLoading: false, expose: "", turn: null };
const NAMES_AT_ONCE = 100;

function namesQuery(after) {
  const query = new URLSearchParams({ limit: NAMES_AT_ONCE });
  const text = byId("search").value.trim();
  if (text !== "") query.set("match", text);
  if (names.tag !== "") query.set("tag", names.tag);
  if (after !== null) query.set("after", after);
  return query;
}

/** Loads the first names, or those that follow the ones that are there. */
async function loadNames({ more = false } = {}) {
  names.turn?.abort();
  const turn = new AbortController();
  names.turn = turn;
  names.isLoading = true;
  const query = namesQuery(more ? names.next : null);
  if (!more && names.objects.length === 0) drawNames();
  try {
    const { data, failure } = await ask(`objects?${query}`, turn.signal);
    names.failure = failure ?? null;
    if (data) {
      names.objects = more ? names.objects.concat(data.objects) : data.objects;
      names.total = data.total;
      names.next = data.next;
      showGateway(data);
    }
    names.isLoading = false;
    drawNames();
    if (data && data.objects.length > 0) await greet(query, turn.signal);
  } catch (error) {
    if (error.name !== "AbortError") throw error;
  }
}

/** Asks again which of these are alive, which takes the gateway longer. */
async function greet(query, signal) {
  query.set("alive", "1");
  const { data } = await ask(`objects?${query}`, signal);
  for (const { name, alive } of data?.objects ?? []) names.alive.set(name, alive);
  for (const item of byId("names-body").querySelectorAll("li")) markAlive(item);
}

function showGateway(data) {
  names.expose = data.expose;
  byId("where-text").hidden = false;
  byId("nameserver").textContent = data.nameserver;
  byId("expose").textContent = data.expose === "" ? "all names" : data.expose;
  byId("read-only").hidden = !data.read_only;
  const readOnly = data.read_only ? "yes" : "no";
  if (document.body.dataset.readOnly !== readOnly) {
    document.body.dataset.readOnly = readOnly;
    drawMember();
  }
}

function drawNames() {
  const body = byId("names-body");
  const focused = document.activeElement?.closest?.("#names-body li")?.dataset.name;
  drawTagFilter();
  byId("names-foot").hidden = names.failure !== null;
  byId("count").textContent = countOfNames();
  if (names.failure) return show(body, failureBlock(names.failure, () => loadNames()));
  if (names.objects.length === 0) return show(body, names.isLoading ? build("p.muted.loading", {}, "Loading…") : noNames());
  const list = build("ul.list", { role: "list" }, ...names.objects.map(nameItem));
  moveWithArrows(list, byId("search"));
  const more = names.next !== null
    && build("button.more", { type: "button", onclick: loadMore }, `More (${names.total - names.objects.length})`);
  show(body, list, more);
  markSelectedName();
  if (focused !== undefined) Array.from(list.children).find((item) => item.dataset.name === focused)?.querySelector("a").focus();
}

/** Pressed twice it still loads once: the list is drawn anew, with another button, when the names are there. */
function loadMore({ currentTarget }) {
  currentTarget.disabled = true;
  loadNames({ more: true });
}

function countOfNames() {
  if (names.isLoading && names.objects.length === 0) return "";
  const shown = names.objects.length;
  const total = `${names.total} ${names.total === 1 ? "name" : "names"}`;
  return shown < names.total ? `${shown} of ${total}` : total;
}

function nameItem({ name, uri, tags }) {
  const link = build("a", { href: hashOf(name), title: uri }, foreign(name, "span"));
  link.firstChild.className = "name";
  const item = build("li", { "data-name": name }, link,
    tags.length > 0 && build("div.tags", {}, ...tags.map((tag) => tagChip(tag))));
  markAlive(item);
  return item;
}

/** One that did not answer is marked with words; of the others nothing is said. */
function markAlive(item) {
  const isDead = names.alive.get(item.dataset.name) === false;
  item.classList.toggle("is-dead", isDead);
  item.querySelector(".badge")?.remove();
  if (isDead) {
    const badge = build("span.badge.error", { title: "Its server did not answer within two seconds" }, "not reachable");
    item.querySelector("a").append(badge);
  }
}

function tagChip(tag) {
  const choose = () => {
    names.tag = tag;
    loadNames();
  };
  return build("button.chip", { type: "button", title: `Only names with the tag ${tag}`, onclick: choose }, foreign(tag));
}

function drawTagFilter() {
  const filter = byId("tag-filter");
  filter.hidden = names.tag === "";
  if (filter.hidden) return;
  const all = () => {
    names.tag = "";
    loadNames();
  };
  show(filter, "with the tag ", build("span.chip", {}, foreign(names.tag)),
    build("button.link", { type: "button", onclick: all, "aria-label": "Names with any tag" }, "× any"));
}

function noNames() {
  const isSearch = byId("search").value.trim() !== "" || names.tag !== "";
  if (isSearch) {
    const all = () => {
      names.tag = "";
      byId("search").value = "";
      loadNames();
    };
    return build("div.empty", {}, build("h3", {}, "No name has that"), build("p.muted", {}, "The search is for a part of a name or of a tag."),
      build("p.buttons", {}, build("button", { type: "button", onclick: all }, "Show all names")));
  }
  return build("div.empty", {},
    build("h3", {}, "Nothing is exposed"),
    build("p.muted", {}, "No name of the name server begins with a match of ", build("code", {}, names.expose),
      ". Register an object under such a name, or start the gateway with another expression:"),
    build("pre", {}, "ferropyro httpgateway -e 'shop\\.|test\\.'"));
}

function markSelectedName() {
  for (const item of byId("names-body").querySelectorAll("li")) {
    const isHere = item.dataset.name === route.object;
    const link = item.querySelector("a");
    isHere ? link.setAttribute("aria-current", "page") : link.removeAttribute("aria-current");
  }
}

function startNames() {
  const search = byId("search");
  let waiting;
  search.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(loadNames, 150);
  });
  search.addEventListener("keydown", (event) => {
    const first = byId("names-body").querySelector("a");
    if (event.key === "ArrowDown" && first) {
      event.preventDefault();
      first.focus();
    } else if (event.key === "Enter") {
      clearTimeout(waiting);
      loadNames().then(() => byId("names-body").querySelector("a")?.click());
    } else if (event.key === "Escape") {
      search.value = "";
      loadNames();
    }
  });
  byId("reload").addEventListener("click", () => {
    names.alive.clear();
    loadNames();
  });
}
