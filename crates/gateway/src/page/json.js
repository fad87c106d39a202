"use strict";

/*
 * JSON as Python writes it: with NaN and Infinity, and with integers of any size. What is shown are the tokens as they came, so that no digit is lost.
 */

const TOKEN = /-?(?:\d[\d.eE+-]*|Infinity)|NaN|true|false|null|[{}[\],:]|\s+/y;

/** The index behind the text that begins here with a quote. */
function endOfString(json, start) {
  for (let at = json.indexOf('"', start + 1); at >= 0; at = json.indexOf('"', at + 1)) {
    let slashes = 0;
    while (json[at - 1 - slashes] === "\\") slashes += 1;
    if (slashes % 2 === 0) return at + 1;
  }
  return json.length;
}

/** The tokens of a JSON text, without blanks. What is no JSON comes as one last token. */
function* tokens(json) {
  let at = 0;
  while (at < json.length) {
    const start = at;
    if (json[at] === '"') {
      at = endOfString(json, at);
    } else {
      TOKEN.lastIndex = at;
      at = TOKEN.test(json) ? TOKEN.lastIndex : json.length;
    }
    const token = json.slice(start, at);
    if (token.trim() !== "") yield token;
  }
}

const IN_JAVASCRIPT = new Map([["NaN", "null"], ["Infinity", "1e999"], ["-Infinity", "-1e999"]]);

/** The value of a JSON text; undefined if it is none. */
function parseJson(json) {
  try {
    return JSON.parse(json);
  } catch { /* NaN, for example, is none for browsers */ }
  try {
    return JSON.parse(Array.from(tokens(json), (token) => IN_JAVASCRIPT.get(token) ?? token).join(" "));
  } catch {
    return undefined;
  }
}

/**
 * A JSON text as a tree whose numbers are texts: {kind: "list", items}, {kind: "dict", entries: [[key, node]]}, {kind: "string", value},
 * {kind: "number", text}, {kind: "true" | "false" | "null"}. Throws a SyntaxError where it is no JSON.
 */
function treeOf(json) {
  const all = Array.from(tokens(json));
  let at = 0;
  const fail = () => {
    throw new SyntaxError(at < all.length ? `this is no JSON at ${shorten(all[at], 20)}` : "this JSON has no end");
  };
  const take = (token) => {
    if (all[at] !== token) fail();
    at += 1;
  };
  const string = () => {
    let value;
    try {
      value = JSON.parse(all[at]);
    } catch { /* told below */ }
    if (typeof value !== "string") fail();
    at += 1;
    return value;
  };
  const sequence = (close, item) => {
    const found = [];
    at += 1;
    while (all[at] !== close) {
      if (found.length > 0) take(",");
      found.push(item());
    }
    at += 1;
    return found;
  };
  const node = () => {
    const token = all[at];
    if (token === undefined) fail();
    if (token === "[") return { kind: "list", items: sequence("]", node) };
    if (token === "{") return { kind: "dict", entries: sequence("}", () => [string(), (take(":"), node())]) };
    if (token[0] === '"') return { kind: "string", value: string() };
    if (["true", "false", "null"].includes(token)) {
      at += 1;
      return { kind: token };
    }
    if (!IN_JAVASCRIPT.has(token) && !/^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(token)) fail();
    at += 1;
    return { kind: "number", text: token };
  };
  const root = node();
  if (at < all.length) fail();
  return root;
}

/** Lists and dictionaries no wider than this stay on one line. */
const LINE = 76;

/** Where the list or dictionary that opens at this index closes, if it can stand on one line. */
function closesOnLine(all, open) {
  let width = 0;
  let depth = 0;
  for (let at = open; at < all.length && width <= LINE; at += 1) {
    if ("[{".includes(all[at])) depth += 1;
    if ("]}".includes(all[at])) depth -= 1;
    width += all[at].length + (",:".includes(all[at]) ? 1 : 0);
    if (depth === 0) return width <= LINE ? at : -1;
  }
  return -1;
}

/** A JSON text in lines, as pieces {kind, text}, of about `most` characters: {pieces, isWhole}. */
function prettyPieces(json, most) {
  const all = [];
  let length = 0;
  let isWhole = true;
  for (const token of tokens(json)) {
    if (length > most) {
      isWhole = false;
      break;
    }
    all.push(token.length > most ? token.slice(0, most) : token);
    isWhole = token.length <= most;
    length += token.length;
  }
  const pieces = [];
  const add = (kind, text) => pieces.push({ kind, text });
  let depth = 0;
  let lineEnd = -1;
  const breakLine = () => add("blank", "\n" + "  ".repeat(Math.min(depth, 40)));
  all.forEach((token, index) => {
    const isInLine = index <= lineEnd;
    if (token === "[" || token === "{") {
      add("mark", token);
      if (isInLine) return;
      lineEnd = closesOnLine(all, index);
      if (lineEnd >= 0) return;
      depth += 1;
      breakLine();
    } else if (token === "]" || token === "}") {
      if (!isInLine) {
        depth -= 1;
        breakLine();
      }
      add("mark", token);
    } else if (token === ",") {
      add("mark", isInLine ? ", " : ",");
      if (!isInLine) breakLine();
    } else if (token === ":") {
      add("mark", ": ");
    } else if (token[0] === '"') {
      add(all[index + 1] === ":" ? "key" : "string", token);
    } else {
      add(/^-?[\dI]|^NaN/.test(token) ? "number" : "word", token);
    }
  });
  return { pieces, isWhole };
}

/** A JSON text on one line. */
function onOneLine(json) {
  return Array.from(tokens(json), (token) => (token === "," || token === ":" ? `${token} ` : token)).join("");
}

function shorten(text, most) {
  const characters = Array.from(text.slice(0, 2 * most + 2));
  return characters.length > most ? characters.slice(0, most).join("") + "…" : text;
}
