/*
 * The member that is chosen: its form, its request, its response.
 */

const drafts = new Map(); /* {rows, raw, isOneway, outcome} by object and member */
const streaming = new Set(); /* members that have given a stream where no signature says so */
let panel = null; /* the panel that is shown */

const draftKey = (object, member) => JSON.stringify([object, member]);

function drawMember() {
  const section = byId("member");
  panel?.leave();
  panel = null;
  const { object, member } = route;
  if (member === null || described?.name !== object || !described.data) {
    return show(section, object !== null && described?.data && member === null && chooseMember(described.data));
  }
  const { methods, attributes } = described.data;
  const method = methods.find(({ name }) => name === member);
  const attribute = attributes.find(({ name }) => name === member);
  if (method === undefined && attribute === undefined) {
    return show(section, build("div.empty", {}, build("h2", {}, "There is no such member"),
      build("p.muted", {}, foreign(object), " has no method and no attribute named ", foreign(member), ".")));
  }
  panel = method ? new MethodPanel(described.data, method) : new AttributePanel(described.data, attribute);
  show(section, ...panel.elements());
  panel.start();
}

function chooseMember({ methods, attributes }) {
  if (methods.length + attributes.length === 0) return null;
  return build("div.empty", {}, build("h2", {}, "Choose a member"), build("p.muted", {}, "A method, to call it, or an attribute, to read or to set it."));
}

/** Types of values that are no streams. */
const PLAIN_TYPE = /^(int|float|str|bool|None|bytes|bytearray|complex|list|tuple|dict|set|frozenset|Decimal|datetime|date|time|timedelta|UUID)\b/;

/** What panels of methods and of attributes have in common. */
class Panel {
  constructor(object, member) {
    this.object = object;
    this.member = member;
    this.key = draftKey(object.name, member.name);
    this.draft = drafts.get(this.key) ?? {};
    this.response = new ResponseView({ stop: () => this.running?.abort(), again: () => this.callAsStream() });
    this.code = build("div.code", { hidden: true });
  }

  request(verb, body) {
    const { name: object, uri, protocol } = this.object;
    const nameserver = byId("nameserver").textContent;
    return { object, uri, protocol, nameserver, member: this.member.name, verb, body, isOneway: false, isStream: false };
  }

  /** Makes a request and shows what comes of it, as long as this panel is shown. */
  async run(request) {
    this.running?.abort();
    const turn = new AbortController();
    this.running = turn;
    this.response.show({ state: "running", items: [], count: 0, size: 0, text: "", isStream: request.isStream }, true);
    const update = (outcome) => {
      if (this.running === turn) this.response.update(outcome);
    };
    const outcome = await perform(request, turn.signal, update);
    outcome.isOneway = request.isOneway;
    if (outcome.isStream) streaming.add(this.key);
    this.draft.outcome = outcome;
    remember(request, outcome, this.formState());
    if (this.running === turn) this.running = null;
    return outcome;
  }

  stop() {
    this.running?.abort();
  }

  /** A stream ends with its panel; a call goes on, and its result will be in the history. */
  leave() {
    drafts.set(this.key, { ...this.draft, ...this.formState() });
    if (this.response.outcome?.isStream || this.response.outcome?.isEvents) this.stop();
  }

  copyBar(request) {
    const buttons = Object.entries(LANGUAGES).map(([language, write]) => {
      const button = build("button.link", { type: "button" }, language);
      button.addEventListener("click", () => this.showCode(language, write, request));
      return button;
    });
    return build("div.copy-bar", { role: "group", "aria-label": "Copy as" }, build("span.muted", {}, "Copy as"), ...buttons);
  }

  async showCode(language, write, request) {
    let text;
    try {
      text = write(request());
    } catch (error) {
      this.code.hidden = false;
      return show(this.code, build("p.problem", {}, `It cannot be written as ${language}: ${error.message}`));
    }
    const isCopied = await copyText(text);
    this.code.hidden = false;
    show(this.code,
      build("div.tools", {}, build("span", { role: "status" }, isCopied ? `${language}: copied` : language),
        copyButton("Copy", () => text), build("button.link", { type: "button", onclick: () => { this.code.hidden = true; } }, "Close")),
      build("pre", { tabindex: "0", "aria-label": `The request as ${language}` }, text));
  }

  heading(...rest) {
    return build("div.member-title", {},
      build("h2", { tabindex: "-1" }, foreign(this.member.name, "span"), ...rest),
      this.member.doc && build("p.doc", {}, this.member.doc));
  }

  start() {
    if (this.draft.outcome) this.response.show(this.draft.outcome);
  }
}

class MethodPanel extends Panel {
  constructor(object, method) {
    super(object, method);
    this.form = new CallForm(method.signature, this.draft.rows, () => this.follow());
    this.raw = build("textarea.raw", { spellcheck: "false", rows: "3", "aria-label": "The body of the request as JSON", "aria-describedby": "raw-note" });
    this.note = build("p.note", { id: "raw-note" });
    this.oneway = build("input", { type: "checkbox" });
    this.oneway.checked = this.draft.isOneway ?? method.oneway;
    this.isByHand = this.draft.raw !== undefined;
    if (this.isByHand) this.raw.value = this.draft.raw;
    this.raw.addEventListener("input", () => {
      this.isByHand = true;
      this.follow();
    });
    this.button = build("button.primary", { type: "submit" }, "Call");
    this.follow();
  }

  elements() {
    const { signature, oneway } = this.member;
    const form = build("form.call", { autocomplete: "off" },
      build("div.beside", {}, this.form.element,
        build("div.raw-holder", {}, build("h3", {}, "JSON"), this.raw, this.note)),
      build("div.call-bar", {}, this.button, build("kbd", { "aria-hidden": "true" }, "Ctrl Enter"),
        build("label", { title: "Do not wait for an answer" }, this.oneway, " oneway"),
        this.copyBar(() => this.callRequest())),
      this.code);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.go();
    });
    return [
      this.heading(signature && build("span.signature", {}, signatureText(signature)), oneway && build("span.badge", {}, "oneway")),
      document.body.dataset.readOnly === "yes" && build("p.note", {}, "This gateway is read only: it calls only those methods that it was told to allow, one by one."),
      form, this.response.element,
    ];
  }

  /** The JSON follows the form, until it is written by hand. */
  follow() {
    if (!this.raw) return;
    const { text, isValid } = this.form.compose();
    if (!this.isByHand) this.raw.value = text;
    this.form.element.disabled = this.isByHand;
    let problem = null;
    if (this.isByHand) {
      try {
        argumentsOf(this.raw.value);
      } catch (error) {
        problem = error.message;
      }
    }
    this.button.disabled = this.isByHand ? problem !== null : !isValid;
    const followForm = () => {
      this.isByHand = false;
      this.follow();
    };
    show(this.note, this.isByHand ? "Written by hand: this is what is sent. " : "Follows the form; can be written by hand.",
      this.isByHand && build("button.link", { type: "button", onclick: followForm }, "Follow the form"),
      problem && build("span.problem", {}, ` ${problem}`));
    if (this.raw.isConnected) fitHeight(this.raw);
  }

  start() {
    super.start();
    fitHeight(this.raw);
    this.form.element.querySelectorAll("textarea").forEach(fitHeight);
  }

  callRequest() {
    const returns = this.member.signature?.returns ?? "";
    const request = this.request("call", this.raw.value);
    request.isOneway = this.oneway.checked;
    request.isStream = !request.isOneway && (/^(Async)?(Iterator|Iterable|Generator)\b/.test(returns) || streaming.has(this.key));
    /* Who gives one value by its signature is asked for one; anybody else may give a stream, and is not called twice to find that out. */
    request.isPlain = request.isOneway || (!request.isStream && unionParts(returns).every((type) => PLAIN_TYPE.test(type)));
    return request;
  }

  go() {
    if (!this.button.disabled) return this.run(this.callRequest());
  }

  callAsStream() {
    streaming.add(this.key);
    return this.go();
  }

  formState() {
    return { rows: this.form.state(), raw: this.isByHand ? this.raw.value : undefined, isOneway: this.oneway.checked };
  }
}

class AttributePanel extends Panel {
  constructor(object, attribute) {
    super(object, attribute);
    const parameter = { name: attribute.name, type: attribute.type ?? "" };
    this.button = build("button.primary", { type: "button", onclick: () => this.go() }, "Read");
    this.setButton = build("button", { type: "submit" }, "Set");
    this.row = new Row({ parameter, state: this.draft.rows?.[0], onChange: () => this.check() });
    this.check();
  }

  elements() {
    const { type, writable } = this.member;
    const isReadOnly = writable === false || document.body.dataset.readOnly === "yes";
    const form = !isReadOnly && build("form.set", { autocomplete: "off" }, build("fieldset.call-form", {},
      build("legend", {}, "New value"), this.row.element, build("p.buttons", {}, this.setButton)));
    if (form) {
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        this.set();
      });
    }
    return [
      this.heading(type && build("span.signature", {}, `: ${type}`), writable === false && build("span.badge", {}, "read only")),
      build("div.call-bar", {}, this.button, build("kbd", { "aria-hidden": "true" }, "Ctrl Enter"), this.copyBar(() => this.copied())),
      this.code, this.response.element, form,
    ];
  }

  check() {
    if (!this.row) return;
    let message = null;
    try {
      this.row.json();
    } catch (error) {
      message = error.message;
    }
    this.row.mark(message === "is missing" ? null : message);
    this.setButton.disabled = message !== null;
  }

  /** The new value if one has been entered, or the reading of it. */
  copied() {
    const isSetting = this.member.writable !== false && this.row.text !== "" && !this.setButton.disabled;
    return isSetting ? this.request("set", this.row.json()) : this.request("read", "");
  }

  async go() {
    const outcome = await this.run(this.request("read", ""));
    if (isFine(outcome)) setInList(this.member.name, outcome.text);
  }

  async set() {
    if (this.setButton.disabled) return;
    const outcome = await this.run(this.request("set", this.row.json()));
    if (isFine(outcome)) setInList(this.member.name, "");
  }

  callAsStream() {}

  formState() {
    return { rows: [this.row.state()] };
  }
}

/** Shows an entry of the history again: the form as it was, and the response. */
function bringBack({ request, outcome, form }) {
  panel?.leave();
  panel = null;
  drafts.set(draftKey(request.object, request.member), { ...form, outcome });
  const hash = hashOf(request.object, request.member);
  if (location.hash === hash) drawMember();
  else location.hash = hash;
  byId("pane").scrollTo({ top: 0 });
  scrollTo({ top: 0 });
}
