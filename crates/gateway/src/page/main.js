/*
 * The page as a whole: places, keys, colours, the gateway's key.
 */

/* Where we are: #/OBJECT/MEMBER. */
let route = { object: null, member: null };

function hashOf(object, member) {
  return `#/${encodeURIComponent(object)}` + (member === undefined ? "" : `/${encodeURIComponent(member)}`);
}

function readRoute() {
  const parts = location.hash.replace(/^#\/?/, "").split("/");
  try {
    const [object, member] = parts.map(decodeURIComponent);
    return { object: object || null, member: member || null };
  } catch {
    return { object: null, member: null }; /* no address of ours */
  }
}

function follow() {
  const before = route;
  route = readRoute();
  const { object, member } = route;
  document.body.dataset.view = object === null ? "names" : member === null ? "object" : "member";
  document.title = [member, object, "Pyro gateway"].filter(Boolean).join(" · ");
  byId("back").href = member === null ? "#/" : hashOf(object);
  byId("back-text").textContent = member === null ? "Names" : object;
  markSelectedName();
  if (object === null) {
    described = null;
    drawObject();
    drawMember();
  } else if (object !== before.object) {
    drawMember();
    loadObject(object);
  } else {
    markSelectedMember();
    drawMember();
  }
  if (before.object !== object || before.member !== member) keepFocus();
}

/** On a phone the link that was followed is gone now; the heading of what came has the focus then. */
function keepFocus() {
  scrollTo({ top: 0 });
  const focused = document.activeElement;
  if (focused && focused !== document.body && focused.offsetParent !== null) return;
  const place = { names: "names", object: "object", member: "member" }[document.body.dataset.view];
  byId(place).querySelector("h1, h2, input")?.focus({ preventScroll: true });
}

function openKeyDialog() {
  byId("key").value = gatewayKey();
  byId("key-dialog").showModal();
}

function startKey() {
  const use = (key) => {
    key === "" ? sessionStorage.removeItem(KEY_STORE) : sessionStorage.setItem(KEY_STORE, key);
    markKey();
    loadNames();
    if (route.object !== null) loadObject(route.object);
  };
  byId("key-button").addEventListener("click", openKeyDialog);
  byId("key-forget").addEventListener("click", () => {
    byId("key-dialog").close();
    use("");
  });
  byId("key-form").addEventListener("submit", (event) => {
    if (event.submitter?.value === "save") use(byId("key").value);
  });
  byId("key-dialog").addEventListener("close", () => { byId("key").value = ""; });
  markKey();
}

function markKey() {
  byId("key-button").classList.toggle("is-on", gatewayKey() !== "");
  byId("key-button").querySelector(".label").textContent = gatewayKey() === "" ? "Key" : "Key is set";
}

const THEME_STORE = "ferropyro-theme";
const THEMES = { auto: "Auto", light: "Light", dark: "Dark" };

function useTheme(theme) {
  document.documentElement.dataset.theme = theme;
  byId("theme-text").textContent = THEMES[theme];
}

function startTheme() {
  const all = Object.keys(THEMES);
  const kept = localStorage.getItem(THEME_STORE);
  useTheme(all.includes(kept) ? kept : "auto");
  byId("theme-button").addEventListener("click", () => {
    const next = all[(all.indexOf(document.documentElement.dataset.theme) + 1) % all.length];
    localStorage.setItem(THEME_STORE, next);
    useTheme(next);
  });
}

function startKeys() {
  byId("help-button").addEventListener("click", () => byId("help-dialog").showModal());
  document.addEventListener("keydown", (event) => {
    if (document.querySelector("dialog[open]")) return;
    const isWriting = event.target.matches("input:not([type=checkbox]), textarea, select");
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      panel?.go();
    } else if (event.key === "Escape") {
      panel?.stop();
    } else if (event.key === "/" && !isWriting) {
      event.preventDefault();
      if (byId("search").offsetParent === null) {
        location.hash = "#/";
        follow();
      }
      byId("search").focus();
      byId("search").select();
    } else if (event.key === "?" && !isWriting) {
      byId("help-dialog").showModal();
    }
  });
}

byId("plain").remove();
byId("app").hidden = false;
startTheme();
startKey();
startKeys();
startNames();
startHistory();
addEventListener("hashchange", follow);
follow();
loadNames();
