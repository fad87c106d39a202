/*
 * Rows for arguments, which become JSON.
 */

const KIND_NAMES = { text: "text", integer: "integer", number: "number", bool: "true / false", null: "null", json: "JSON" };
const ANY_KIND = ["text", "number", "bool", "null", "json"];
const KIND_OF_TYPE = new Map(Object.entries({
  int: "integer", float: "number", str: "text", bool: "bool", None: "null",
  datetime: "text", date: "text", time: "text", Decimal: "text", UUID: "text",
}));

/** The parts of "str | list[int | None] | None" that stand on the outside. */
function unionParts(type) {
  const parts = [""];
  let depth = 0;
  for (const character of type) {
    if ("[(".includes(character)) depth += 1;
    if ("])".includes(character)) depth -= 1;
    if (character === "|" && depth === 0) parts.push("");
    else parts[parts.length - 1] += character;
  }
  return parts.map((part) => part.trim());
}

/** What can be entered for a parameter of a type of Python. */
function kindsOf(type) {
  if (!type || type === "Any" || type === "object") return ANY_KIND;
  const optional = /^Optional\[(.*)\]$/.exec(type);
  const parts = optional ? [...unionParts(optional[1]), "None"] : unionParts(type);
  return Array.from(new Set(parts.map((part) => KIND_OF_TYPE.get(part) ?? "json")));
}

function jsonHint(type) {
  if (/^(list|tuple|set|frozenset|Sequence|Iterable)\b/.test(type ?? "")) return "[ ]";
  if (/^(dict|Mapping)\b/.test(type ?? "")) return "{ }";
  if (/^(bytes|bytearray)\b/.test(type ?? "")) return '{"data": "aGk=", "encoding": "base64"}';
  return '"text", 1.5, [1, 2], {"key": null}';
}

/** The JSON of what was entered. Throws an Error with what is wrong. */
function toJson(kind, text) {
  const trimmed = text.trim();
  switch (kind) {
    case "text": return JSON.stringify(text);
    case "bool": return text === "true" ? "true" : "false";
    case "null": return "null";
    case "json":
      if (trimmed === "") throw new Error("is missing");
      treeOf(trimmed);
      return trimmed;
  }
  if (trimmed === "") throw new Error("is missing");
  if (/^[+-]?\d+$/.test(trimmed)) return BigInt(trimmed.replace("+", "")).toString();
  if (kind === "integer") throw new Error("is no integer");
  const special = /^([+-]?)(nan|inf(?:inity)?)$/i.exec(trimmed);
  if (special) return special[2].toLowerCase() === "nan" ? "NaN" : `${special[1] === "-" ? "-" : ""}Infinity`;
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(trimmed)) throw new Error("is no number");
  return /^-?(0|[1-9]\d*)(\.\d+)?(e[+-]?\d+)?$/i.test(trimmed) ? trimmed : String(Number(trimmed));
}

/** A row for one argument: of a parameter {name, type, default}, or a free one with a name or without. */
class Row {
  constructor({ parameter = null, isKeyword = false, state = {}, onChange, onRemove }) {
    this.parameter = parameter;
    this.isKeyword = isKeyword;
    this.onChange = onChange;
    this.kinds = parameter ? kindsOf(parameter.type) : ANY_KIND;
    this.isOptional = parameter?.default !== undefined;
    this.kind = this.kinds.includes(state.kind) ? state.kind : this.kinds[0];
    this.isTouched = state.isTouched ?? !this.isOptional;
    this.name = parameter?.name ?? state.name ?? "";
    this.text = state.text ?? "";
    this.holder = build("div.value-holder");
    this.problem = build("p.problem", { hidden: true });
    this.element = build("div.row", {},
      build("div.row-head", {}, this.label(), this.kindChooser(), this.endButton(onRemove)), this.holder, this.problem);
    this.drawInput();
  }

  label() {
    if (this.parameter) {
      return build("div.row-name", {}, build("span.name", {}, this.name), build("span.type", {}, this.parameter.type));
    }
    if (!this.isKeyword) return build("div.row-name", {}, build("span.muted.position", {}, "argument"));
    const input = build("input", { value: this.name, placeholder: "name", "aria-label": "Name of the keyword argument", spellcheck: "false", autocomplete: "off" });
    input.addEventListener("input", () => {
      this.name = input.value;
      this.onChange();
    });
    return build("div.row-name", {}, input);
  }

  kindChooser() {
    if (this.kinds.length === 1) return null;
    const select = build("select.kind", { "aria-label": `Type of ${this.title()}` },
      ...this.kinds.map((kind) => build("option", { value: kind, selected: kind === this.kind }, KIND_NAMES[kind])));
    select.value = this.kind;
    select.addEventListener("change", () => {
      this.kind = select.value;
      this.isTouched = true;
      this.drawInput();
      this.onChange();
    });
    return select;
  }

  endButton(onRemove) {
    if (!this.parameter) {
      return build("button.link.remove", { type: "button", "aria-label": "Remove this argument", title: "Remove", onclick: () => onRemove(this) }, "×");
    }
    this.reset = build("button.link.remove", { type: "button", title: `Leave it out: ${this.fallback()}`, "aria-label": `Leave ${this.name} out` }, "×");
    this.reset.addEventListener("click", () => {
      this.isTouched = false;
      this.text = "";
      this.drawInput();
      this.onChange();
    });
    return this.reset;
  }

  /** What it is when it is left out. */
  fallback() {
    return this.parameter.default === "..." ? "default" : `default: ${this.parameter.default}`;
  }

  title() {
    return this.name || "the argument";
  }

  drawInput() {
    const input = this.input();
    input.setAttribute("aria-label", this.title());
    input.classList.add("value-input");
    const changed = () => {
      this.text = input.type === "checkbox" ? String(input.checked) : input.value;
      this.isTouched = !(this.isOptional && input.tagName === "SELECT" && input.value === "");
      this.onChange();
    };
    input.addEventListener("input", changed);
    show(this.holder, input, input.type === "checkbox" && build("span.muted", {}, "true"));
    if (input.tagName === "TEXTAREA") input.addEventListener("input", () => fitHeight(input));
  }

  input() {
    const hint = this.isOptional ? this.fallback() : this.kind === "json" ? jsonHint(this.parameter?.type) : "";
    switch (this.kind) {
      case "null": return build("input", { value: "null", disabled: true });
      case "integer": return build("input", { value: this.text, inputmode: "numeric", placeholder: hint, autocomplete: "off" });
      case "number": return build("input", { value: this.text, inputmode: "decimal", placeholder: hint, autocomplete: "off" });
      case "bool": return this.boolInput();
      default: return build("textarea", { rows: "1", value: this.text, placeholder: hint, spellcheck: "false" });
    }
  }

  boolInput() {
    if (this.parameter && !this.isOptional && this.kinds.length === 1) {
      const box = build("input", { type: "checkbox" });
      box.checked = this.text === "true";
      return box;
    }
    if (this.text === "" && this.isTouched) this.text = "true";
    const select = build("select", {}, this.isOptional && build("option", { value: "" }, this.fallback()),
      build("option", { value: "true" }, "true"), build("option", { value: "false" }, "false"));
    select.value = this.isTouched ? this.text : "";
    return select;
  }

  /** The JSON of the argument; null if it is left out. Throws. */
  json() {
    return this.isTouched ? toJson(this.kind, this.text) : null;
  }

  mark(message) {
    this.problem.hidden = message === null;
    this.problem.textContent = message === null ? "" : `${this.title()} ${message}`;
    if (this.reset) this.reset.hidden = !(this.isOptional && this.isTouched);
    this.element.classList.toggle("is-default", !this.isTouched);
  }

  state() {
    return { name: this.name, isKeyword: this.isKeyword, kind: this.kind, text: this.text, isTouched: this.isTouched };
  }
}

/** The rows of a call: one for each parameter if the signature is known, or as many as the user adds. */
class CallForm {
  constructor(signature, rows, onChange) {
    this.signature = signature;
    this.onChange = onChange;
    this.list = build("div.rows");
    this.element = build("fieldset.call-form", {}, build("legend", {}, "Arguments"), this.list);
    const free = (isKeyword) => () => this.add({ isKeyword }).focus();
    if (signature) {
      this.rows = signature.parameters.map((parameter, index) => new Row({ parameter, state: rows?.[index], onChange }));
      if (this.rows.length === 0) this.list.append(build("p.muted", {}, "It takes none."));
    } else {
      this.rows = [];
      this.element.append(build("p.buttons", {},
        build("button", { type: "button", onclick: free(false) }, "+ Argument"),
        build("button", { type: "button", onclick: free(true) }, "+ Keyword argument")));
      rows?.forEach((row) => this.add({ isKeyword: row.isKeyword, state: row }));
    }
    this.list.append(...this.rows.map((row) => row.element));
  }

  add({ isKeyword, state }) {
    const remove = (row) => {
      this.rows.splice(this.rows.indexOf(row), 1);
      row.element.remove();
      this.onChange();
    };
    const row = new Row({ isKeyword, state, onChange: this.onChange, onRemove: remove });
    this.rows.push(row);
    this.list.append(row.element);
    this.onChange();
    return row.element.querySelector(isKeyword ? ".row-name input" : ".value-input");
  }

  /** The JSON of the request's body, and whether something is wrong: {text, isValid}. Parameters behind one that is left out become keywords. */
  compose() {
    const args = [];
    const kwargs = [];
    let isValid = true;
    let isGap = false;
    for (const row of this.rows) {
      let json = null;
      let message = null;
      try {
        json = row.json();
        if (row.isKeyword && row.name === "") throw new Error("needs a name");
      } catch (error) {
        message = error.message;
        isValid = false;
      }
      row.mark(message);
      isGap ||= row.parameter !== null && json === null;
      if (json === null) continue;
      if (row.isKeyword || isGap) kwargs.push(`${JSON.stringify(row.name)}: ${json}`);
      else args.push(json);
    }
    return { text: `{\n  "args": [${args.join(", ")}],\n  "kwargs": {${kwargs.join(", ")}}\n}`, isValid };
  }

  state() {
    return this.rows.map((row) => row.state());
  }
}
