/*
 * What is known of an object, and the list of its members.
 */

let described = null; /* {name, data} or {name, failure} of the object that is shown */
const attributeValues = new Map(); /* texts of what was read last, by attribute */

async function loadObject(name) {
  described = { name };
  attributeValues.clear();
  drawObject();
  const answer = await ask(pathOf(name));
  if (described?.name !== name) return;
  described = { name, ...answer };
  drawObject();
  drawMember();
}

const PROTOCOLS = { 46: "Pyro4", 47: "Pyro4", 48: "Pyro4", 502: "Pyro5" };
const MODES = new Map([
  ["single", "one instance for all clients"],
  ["session", "an instance for each connection; here, for each call"],
  ["percall", "an instance for each call"],
]);

function drawObject() {
  const section = byId("object");
  if (described === null) return show(section, welcome());
  const { name, data, failure } = described;
  const again = () => loadObject(name);
  const title = build("div.object-title", {},
    build("h1", { tabindex: "-1" }, foreign(name)),
    build("button.link", { type: "button", onclick: again }, "Refresh"));
  if (failure) return show(section, title, failureBlock(failure, again));
  if (!data) return show(section, title, build("p.muted.loading", {}, "Asking its server…"));
  const protocol = PROTOCOLS[data.protocol];
  show(section, title,
    build("p.uri", {}, foreign(data.uri, "code"), " ", copyButton("Copy", () => data.uri)),
    build("p.facts", {},
      build("span.badge", { title: "What its server speaks" }, protocol ? `${protocol}, protocol ${data.protocol}` : `protocol ${data.protocol}`),
      data.instance_mode && build("span.badge", { title: MODES.get(data.instance_mode) }, `instance mode ${data.instance_mode}`)),
    data.doc && build("p.doc", {}, data.doc),
    membersOf(data));
  markSelectedMember();
}

function welcome() {
  return build("div.empty", {}, build("h2", {}, "Choose a name"),
    build("p.muted", {}, "Its methods can be called here, its attributes read and set."));
}

function membersOf({ name, methods, attributes }) {
  const readAll = () => attributes.forEach((attribute) => readInList(name, attribute.name));
  const list = build("nav", { "aria-label": "Methods and attributes" },
    methods.length > 0 && build("h2.group", {}, "Methods ", build("span.muted", {}, methods.length)),
    methods.length > 0 && build("ul.list", { role: "list" }, ...methods.map((method) => methodItem(name, method))),
    attributes.length > 0 && build("h2.group", {}, "Attributes ", build("span.muted", {}, attributes.length),
      build("button.link", { type: "button", onclick: readAll }, "Read all")),
    attributes.length > 0 && build("ul.list", { role: "list" }, ...attributes.map((attribute) => attributeItem(name, attribute))),
    methods.length + attributes.length === 0 && build("p.muted", {}, "It exposes no methods and no attributes."));
  moveWithArrows(list, null);
  return list;
}

function firstLine(doc) {
  return (doc ?? "").trim().split("\n", 1)[0];
}

function methodItem(object, method) {
  const { name, signature, oneway, doc } = method;
  const line = firstLine(doc);
  return build("li", { "data-member": name },
    build("a", { href: hashOf(object, name), title: line !== "" ? line : null },
      build("span.member-line", {}, build("span.name", {}, name),
        signature && build("span.signature", {}, signatureText(signature)),
        oneway && build("span.badge", { title: "Its calls have no answer" }, "oneway")),
      line !== "" && build("span.doc-line", {}, line)));
}

function attributeItem(object, { name, type, writable, doc }) {
  const line = firstLine(doc);
  const item = build("li.attribute", { "data-member": name },
    build("a", { href: hashOf(object, name), title: line !== "" ? line : null },
      build("span.member-line", {}, build("span.name", {}, name), type && build("span.signature", {}, `: ${type}`),
        writable === false && build("span.badge", {}, "read only")),
      build("span.value", {}, attributeValues.get(name) ?? "")),
    build("button.link", { type: "button", "aria-label": `Read ${name}`, onclick: () => readInList(object, name) }, "Read"));
  return item;
}

/** Reads an attribute and shows its value in the list. */
async function readInList(object, attribute) {
  setInList(attribute, "…");
  try {
    const response = await send("GET", pathOf(object, attribute));
    const body = await response.text();
    const exception = response.ok ? undefined : parseJson(body);
    setInList(attribute, response.ok ? body : exception?.__exception__ ? exceptionText(exception) : body, !response.ok);
  } catch (error) {
    setInList(attribute, String(error), true);
  }
}

function setInList(attribute, text, isError = false) {
  attributeValues.set(attribute, shorten(text, 200));
  const item = Array.from(byId("object").querySelectorAll("li.attribute")).find((item) => item.dataset.member === attribute);
  if (!item) return;
  const value = item.querySelector(".value");
  value.textContent = shorten(text, 200);
  value.classList.toggle("is-error", isError);
}

function markSelectedMember() {
  for (const item of byId("object").querySelectorAll("li")) {
    const isHere = item.dataset.member === route.member;
    const link = item.querySelector("a");
    isHere ? link.setAttribute("aria-current", "page") : link.removeAttribute("aria-current");
  }
}

/** (chair: str, count: int = 1) -> bool */
function signatureText({ parameters, returns }) {
  const texts = parameters.map((parameter) =>
    parameter.name + (parameter.type ? `: ${parameter.type}` : "") + (parameter.default !== undefined ? ` = ${parameter.default}` : ""));
  return `(${texts.join(", ")})${returns ? ` → ${returns}` : ""}`;
}
