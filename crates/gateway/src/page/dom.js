/*
 * Nodes. Whatever comes from the network becomes a text here and never HTML.
 */

const byId = (id) => document.getElementById(id);

/**
 * A new element: build("button.quiet", {type: "button", onclick: f}, "text", node, ...). Properties that begin with "on" are listeners, "data" and "aria" are
 * groups, others attributes; those that are null, undefined or false are left out, and so are children.
 */
function build(what, properties = {}, ...children) {
  const [name, ...classes] = what.split(".");
  const element = document.createElement(name);
  element.classList.add(...classes);
  for (const [key, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "aria") Object.entries(value).forEach(([name, text]) => element.setAttribute(`aria-${name}`, text));
    else if (key === "value") element.value = value;
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

function show(element, ...children) {
  element.replaceChildren(...children.filter(Boolean));
}

/** A text of somebody's, which may be written from right to left. Names and addresses break where their parts end. */
function foreign(text, what = "bdi") {
  if (text === "") return build(what, {}, "(empty)");
  const parts = text.length < 300 ? text.split(/(?<=[.:@_-])(?=\w)/) : [text];
  return build(what, {}, ...parts.flatMap((part, index) => (index === 0 ? [part] : [build("wbr"), part])));
}

/** JSON with colours, as children of an element. */
function paint(element, pieces) {
  element.replaceChildren();
  for (const { kind, text } of pieces) {
    element.append(kind === "mark" || kind === "blank" ? text : build(`span.json-${kind}`, {}, text));
  }
  return element;
}

async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch { /* only https and localhost have it */ }
  const area = build("textarea.offscreen", { value: text, readonly: true });
  const focused = document.activeElement;
  document.body.append(area);
  area.select();
  const isCopied = document.execCommand("copy");
  area.remove();
  focused?.focus();
  return isCopied;
}

/** A button that copies what `text()` gives, and says so. */
function copyButton(label, text, what = "button.link") {
  const button = build(what, { type: "button", title: "Copy" }, label);
  button.addEventListener("click", async () => {
    const isCopied = await copyText(text());
    button.textContent = isCopied ? "Copied" : "Not copied";
    setTimeout(() => { button.textContent = label; }, 1200);
  });
  return button;
}

function download(text, name) {
  const link = build("a", { href: URL.createObjectURL(new Blob([text], { type: "application/json" })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

/** Makes a text area as high as its text, up to a limit of the style. */
function fitHeight(area) {
  area.style.height = "auto";
  area.style.height = `${area.scrollHeight + 2}px`;
}

/** Arrow keys that move the focus among the links of a list. `before`: what has the focus above the first one. */
function moveWithArrows(list, before) {
  list.addEventListener("keydown", (event) => {
    const links = Array.from(list.querySelectorAll("a"));
    const here = links.indexOf(document.activeElement);
    if (here < 0 || event.ctrlKey || event.altKey || event.metaKey) return;
    const steps = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: links.length - 1 };
    const next = steps[event.key];
    if (next === undefined) return;
    event.preventDefault();
    (next < 0 ? before : links[Math.min(next, links.length - 1)])?.focus();
  });
}

function duration(ms) {
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  return ms < 10000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

function bytes(size) {
  if (size < 1000) return size === 1 ? "1 byte" : `${size} bytes`;
  return size < 1e6 ? `${(size / 1e3).toFixed(1)} kB` : `${(size / 1e6).toFixed(1)} MB`;
}
