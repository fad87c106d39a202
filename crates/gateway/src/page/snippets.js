/*
 * A request as a command or a program. Each language has its own quotes.
 */

/** A word for a POSIX shell. */
function shellWord(text) {
  return /^[A-Za-z0-9_./:@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** A text as a literal in double quotes; `escape(code)` writes what must not stand there as it is. */
function quoted(text, escape) {
  const simple = { "\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t" };
  const characters = Array.from(text, (character) => {
    if (simple[character]) return simple[character];
    return /[\p{C}\p{Zl}\p{Zp}]/u.test(character) ? escape(character.codePointAt(0)) : character;
  });
  return `"${characters.join("")}"`;
}

function pythonText(text) {
  const hex = (code, width) => code.toString(16).padStart(width, "0");
  return quoted(text, (code) => (code < 256 ? `\\x${hex(code, 2)}` : code < 65536 ? `\\u${hex(code, 4)}` : `\\U${hex(code, 8)}`));
}

/** Rust has no half of a surrogate pair. */
function rustText(text) {
  return quoted(text, (code) => `\\u{${(code >= 0xd800 && code < 0xe000 ? 0xfffd : code).toString(16)}}`);
}

const PYTHON_WORDS = { true: "True", false: "False", null: "None" };
const PYTHON_NUMBERS = { NaN: 'float("nan")', Infinity: 'float("inf")', "-Infinity": '-float("inf")' };
/** Literals of the serializer serpent, which the command line reads. */
const SERPENT_NUMBERS = { NaN: "{'__class__':'float','value':'nan'}", Infinity: "1e30000", "-Infinity": "-1e30000" };

function pythonValue(node, numbers = PYTHON_NUMBERS) {
  const inner = (item) => pythonValue(item, numbers);
  switch (node.kind) {
    case "list": return `[${node.items.map(inner).join(", ")}]`;
    case "dict": return `{${node.entries.map(([key, item]) => `${pythonText(key)}: ${inner(item)}`).join(", ")}}`;
    case "string": return pythonText(node.value);
    case "number": return numbers[node.text] ?? node.text;
    default: return PYTHON_WORDS[node.kind];
  }
}

function rustNumber(text) {
  if (text === "NaN") return "f64::NAN";
  if (text.endsWith("Infinity")) return text[0] === "-" ? "f64::NEG_INFINITY" : "f64::INFINITY";
  if (/[.eE]/.test(text)) return /^-?\d+[eE]/.test(text) ? text.replace(/[eE]/, ".0e") : text;
  const number = BigInt(text);
  if (BigInt.asIntN(64, number) === number) return BigInt.asIntN(32, number) === number ? text : `${text}_i64`;
  return BigInt.asIntN(128, number) === number ? `${text}_i128` : `${rustText(text)} /* too long for an integer of Rust */`;
}

/** An argument: what serde knows by itself stands for itself. */
function rustArgument(node) {
  if (node.kind === "string") return rustText(node.value);
  if (node.kind === "number") return rustNumber(node.text);
  return ["true", "false"].includes(node.kind) ? node.kind : rustValue(node);
}

function rustValue(node) {
  switch (node.kind) {
    case "list": return `Value::List(vec![${node.items.map(rustValue).join(", ")}])`;
    case "dict": return `Value::Dict(${rustDict(node.entries)})`;
    case "null": return "Value::None";
    default: return `Value::from(${rustArgument(node)})`;
  }
}

function rustDict(entries) {
  if (entries.length === 0) return "Dict::new()";
  return `Dict::from([${entries.map(([key, node]) => `(${rustText(key)}, ${rustValue(node)})`).join(", ")}])`;
}

const isIdentifier = (text) => /^[\p{L}_][\p{L}\p{N}_]*$/u.test(text);

/** What a program asks the name server for, or the object's own URI where a name cannot stand in one. */
function uriOf({ object, uri, nameserver }) {
  const canStand = nameserver !== "" && /^[^\s@\p{C}]+$/u.test(object);
  return canStand ? `PYRONAME:${object}@${nameserver}` : uri;
}

/** {args: [node], kwargs: [[name, node]]} of a body; throws if it is none. */
function argumentsOf(body) {
  const root = body.trim() === "" ? { kind: "dict", entries: [] } : treeOf(body);
  if (root.kind !== "dict") throw new SyntaxError("the body must be a dictionary");
  const part = (name) => root.entries.find(([key]) => key === name)?.[1];
  const unknown = root.entries.find(([key]) => key !== "args" && key !== "kwargs");
  if (unknown) throw new SyntaxError(`the body has args and kwargs, and no ${unknown[0]}`);
  const args = part("args") ?? { kind: "list", items: [] };
  const kwargs = part("kwargs") ?? { kind: "dict", entries: [] };
  if (args.kind !== "list" || kwargs.kind !== "dict") throw new SyntaxError("args must be a list, kwargs a dictionary");
  return { args: args.items, kwargs: kwargs.entries };
}

function asCurl({ verb, object, member, body, isOneway, isStream }) {
  const words = ["curl"];
  if (isStream) words.push("-N");
  if (verb === "set") words.push("-X", "PUT");
  words.push(shellWord(addressOf(pathOf(object, member)).href));
  if (isStream) words.push("-H", "'Accept: text/event-stream'");
  if (isOneway) words.push("-H", "'X-Pyro-Options: oneway'");
  if (gatewayKey() !== "") words.push("-H", '"X-Pyro-Gateway-Key: $PYRO_HTTPGATEWAY_KEY"');
  if (verb !== "read") words.push("-H", "'Content-Type: application/json'", "--data-raw", shellWord(onOneLine(body)));
  return words.join(" ");
}

/** A text that is no literal stands for itself there. */
function commandWord(node) {
  const isWord = node.kind === "string" && /^[A-Za-z][A-Za-z0-9_./:-]*$/.test(node.value) && !/^(true|false|none|null|nan|inf)/i.test(node.value);
  return isWord ? node.value : pythonValue(node, SERPENT_NUMBERS);
}

function asCommand(request) {
  const { verb, member, isOneway } = request;
  const words = ["ferropyro", { call: "call", read: "get", set: "set" }[verb]];
  if (isOneway) words.push("--oneway");
  words.push(shellWord(`${uriOf(request)}.${member}`));
  if (verb === "set") words.push(shellWord(commandWord(treeOf(request.body))));
  if (verb === "call") {
    const { args, kwargs } = argumentsOf(request.body);
    const odd = kwargs.find(([name]) => !isIdentifier(name));
    if (odd) throw new SyntaxError(`a command has no keyword argument named ${odd[0]}`);
    words.push(...args.map((node) => shellWord(commandWord(node))));
    words.push(...kwargs.map(([name, node]) => shellWord(`${name}=${commandWord(node)}`)));
  }
  return words.join(" ");
}

function asPython(request) {
  const { verb, member, protocol, isOneway, isStream } = request;
  const target = isIdentifier(member) ? `proxy.${member}` : `getattr(proxy, ${pythonText(member)})`;
  const lines = [
    `from ${protocol < 100 ? "Pyro4" : "Pyro5.api"} import Proxy`,
    "",
    `with Proxy(${pythonText(uriOf(request))}) as proxy:`,
  ];
  if (verb === "read") {
    lines.push(`    print(${target})`);
  } else if (verb === "set") {
    lines.push(`    proxy.${member} = ${pythonValue(treeOf(request.body))}`);
  } else {
    const { args, kwargs } = argumentsOf(request.body);
    const named = kwargs.filter(([name]) => isIdentifier(name)).map(([name, node]) => `${name}=${pythonValue(node)}`);
    const odd = kwargs.filter(([name]) => !isIdentifier(name)).map(([name, node]) => `${pythonText(name)}: ${pythonValue(node)}`);
    const all = [...args.map((node) => pythonValue(node)), ...named, ...(odd.length > 0 ? [`**{${odd.join(", ")}}`] : [])];
    const call = `${target}(${all.join(", ")})`;
    if (isOneway) lines.push("    proxy._pyroBind()", `    proxy._pyroOneway.add(${pythonText(member)})`, `    ${call}`);
    else if (isStream) lines.push(`    for item in ${call}:`, "        print(item)");
    else lines.push(`    print(${call})`);
  }
  return lines.join("\n");
}

function asRust(request) {
  const { verb, member, isOneway, isStream } = request;
  const name = rustText(member);
  const lines = [];
  if (verb === "read") {
    lines.push(`let value: Value = proxy.get(${name})?;`, 'println!("{value}");');
  } else if (verb === "set") {
    lines.push(`proxy.set(${name}, ${rustArgument(treeOf(request.body))})?;`);
  } else {
    const { args, kwargs } = argumentsOf(request.body);
    const given = args.length > 12
      ? `vec![${args.map(rustValue).join(", ")}]`
      : `(${args.map(rustArgument).join(", ")}${args.length === 1 ? "," : ""})`;
    const method = (isOneway ? "call_oneway" : "call") + (kwargs.length > 0 ? "_with" : "");
    const call = `proxy.${method}(${name}, ${given}${kwargs.length > 0 ? `, &${rustDict(kwargs)}` : ""})?`;
    if (isOneway) lines.push(`${call};`);
    else if (isStream) lines.push(`let items: Items<Value> = ${call};`, "for item in items {", '    println!("{}", item?);', "}");
    else lines.push(`let result: Value = ${call};`, 'println!("{result}");');
  }
  const text = lines.join("\n");
  const uses = ["Dict", "Items", "Proxy", "Value"].filter((word) => word === "Proxy" || new RegExp(`\\b${word}\\b`).test(text.replace(/"(?:[^"\\]|\\.)*"/g, "")));
  return [
    `use ferropyro::${uses.length > 1 ? `{${uses.join(", ")}}` : uses[0]};`,
    "",
    "fn main() -> ferropyro::Result<()> {",
    `    let proxy = Proxy::new(${rustText(uriOf(request))})?;`,
    ...lines.map((line) => `    ${line}`),
    "    Ok(())",
    "}",
  ].join("\n");
}

const LANGUAGES = { curl: asCurl, "ferropyro call": asCommand, Python: asPython, Rust: asRust };
