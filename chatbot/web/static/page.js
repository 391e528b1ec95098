// What the page does by itself. Text from outside reaches the document as text only; the HTML that
// is fetched (a document, part of this server) was escaped there.
"use strict";

const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

const words = () => {
  words.all ??= JSON.parse($("[data-words]").dataset.words);
  return words.all[document.documentElement.lang] || words.all.en;
};

const make = (tag, properties = {}, ...children) => {
  const { dataset, attributes, ...rest } = properties;
  const element = Object.assign(document.createElement(tag), rest);
  Object.assign(element.dataset, dataset);
  for (const [name, value] of Object.entries(attributes || {})) element.setAttribute(name, value);
  element.append(...children);
  return element;
};

// gradio's own event of the hidden component; which of its elements listens is gradio's affair.
const tell = (kind, detail = {}) => {
  for (const element of $$("#bridge, #bridge *")) {
    element.dispatchEvent(new CustomEvent("chatbot", { detail: { kind, ...detail } }));
  }
};

const post = async (address, data) => {
  const response = await fetch(address, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(data),
  });
  if (!response.ok) throw new Error(String(response.status));
  return response.json();
};

// ---- asking --------------------------------------------------------------------------------

const box = () => $("#question textarea");

const fill = (text) => {
  const area = box();
  Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value").set.call(area, text);
  area.dispatchEvent(new Event("input", { bubbles: true }));
  area.focus();
};

// The question appears at once; the server's own turn replaces it.
const promise = (text) => {
  if (!text.trim() || $("#pending")) return;
  const asked = make("h2", { className: "asked" }, make("span", {}, text.trim()));
  const status = make("p", { className: "status" },
    make("span", { className: "pulse" }), words().looking);
  const reply = make("div", { className: "reply" }, status);
  const turn = make("article", { className: "turn", id: "pending" }, asked, reply);
  turn.setAttribute("aria-busy", "true");
  $("#talk").append(turn);
  document.documentElement.classList.add("asked");
  turn.scrollIntoView({ block: "start" });
};

const keepPromise = () => $("#pending")?.remove();

const busy = () => Boolean($('#live .turn[aria-busy="true"], #pending'));

document.addEventListener("keydown", (event) => {
  if (event.target === box() && event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    if (busy()) {
      event.preventDefault();
      event.stopImmediatePropagation();
    } else promise(box().value);
  } else if (event.key === "Escape") {
    if (!closePanel() && !closeDrawer() && busy()) $("#stop")?.click();
  } else if (event.key === "/" && !event.target.closest("input, textarea, [contenteditable]")) {
    event.preventDefault();
    box()?.focus();
  } else if (panel.open && !event.target.closest("input, textarea") && !event.altKey &&
    !event.ctrlKey && !event.metaKey) {
    if (event.key === "ArrowRight" || event.key === "n") step(1);
    else if (event.key === "ArrowLeft" || event.key === "p") step(-1);
  }
}, true);

// ---- the side panel: a whole document at the cited sentence ---------------------------------

const panel = { open: false, links: [], place: 0, from: null };

const panelElement = () => {
  let aside = $("#panel");
  if (aside) return aside;
  const said = words();
  const button = (action, label, sign) => make("button", { type: "button", title: label,
    dataset: { action }, attributes: { "aria-label": label } }, sign);
  aside = make("aside", { id: "panel", hidden: true, attributes: { "aria-labelledby": "panel-title" } },
    make("div", { className: "panel-bar" },
      button("previous", said.previous, "‹"),
      make("span", { id: "panel-title", className: "count", attributes: { "aria-live": "polite" } }),
      button("next", said.next, "›"),
      make("span", { className: "gap" }),
      button("link", said.link, said.link),
      button("close", said.close, "×")),
    make("div", { className: "panel-body", tabIndex: 0 }));
  document.body.append(aside);
  return aside;
};

const openPanel = (anchor) => {
  const turn = anchor.closest(".turn") || document;
  const seen = new Map();
  // One stop for each place, in the order of the sources.
  for (const link of $$(".sources a.source-title, .others a", turn)) seen.set(link.getAttribute("href"), link);
  const here = anchor.getAttribute("href");
  if (!seen.has(here)) seen.set(here, anchor);
  panel.links = [...seen.keys()];
  panel.from = anchor;
  show(panel.links.indexOf(here));
};

const show = async (place) => {
  const aside = panelElement();
  const address = panel.links[place];
  panel.place = place;
  panel.open = true;
  aside.hidden = false;
  document.documentElement.classList.add("with-panel");
  const [path, hash] = address.split("#");
  const response = await fetch(`${path}${path.includes("?") ? "&" : "?"}part=true`);
  if (panel.links[panel.place] !== address) return;
  const body = $(".panel-body", aside);
  if (!response.ok) body.textContent = words().failed;
  else body.innerHTML = await response.text();
  $("#panel-title").textContent = `${place + 1} / ${panel.links.length}`;
  aside.dataset.address = address;
  $$('[data-action="previous"], [data-action="next"]', aside).forEach((button) => {
    button.disabled = panel.links.length < 2;
  });
  const mark = hash && $("#cited", body);
  if (mark) {
    mark.scrollIntoView({ block: "center" });
    mark.focus({ preventScroll: true });
  } else {
    body.scrollTop = 0;
    body.focus();
  }
};

const step = (by) => {
  const count = panel.links.length;
  if (count > 1) show((panel.place + by + count) % count);
};

const closePanel = () => {
  if (!panel.open) return false;
  panel.open = false;
  $("#panel").hidden = true;
  document.documentElement.classList.remove("with-panel");
  if (panel.from?.isConnected) panel.from.focus();
  else box()?.focus();
  return true;
};

// ---- conversations ---------------------------------------------------------------------------

let drawerFrom = null;

const closeDrawer = () => {
  const drawer = $("#drawer");
  if (!drawer || drawer.hidden) return false;
  drawer.hidden = true;
  drawerFrom?.focus();
  return true;
};

const openDrawer = async (from) => {
  drawerFrom = from;
  const said = words();
  let drawer = $("#drawer");
  if (!drawer) {
    const find = make("input", { type: "search", placeholder: said.find_conversation,
      attributes: { "aria-label": said.find_conversation } });
    find.addEventListener("input", () => listConversations(find.value));
    drawer = make("aside", { id: "drawer", attributes: { "aria-label": said.conversations } },
      make("div", { className: "panel-bar" }, make("h2", {}, said.conversations),
        make("span", { className: "gap" }),
        make("button", { type: "button", dataset: { action: "close-drawer" }, title: said.close,
          attributes: { "aria-label": said.close } }, "×")),
      find, make("ul", { className: "conversations" }),
      make("a", { className: "cases", href: "/feedback/cases.jsonl", download: "cases.jsonl" },
        said.export_cases),
      make("section", { className: "models" }));
    document.body.append(drawer);
  }
  drawer.hidden = false;
  $("input", drawer).focus();
  await Promise.all([listConversations($("input", drawer).value), showModels(drawer)]);
};

const listConversations = async (find) => {
  const said = words();
  const response = await fetch(`/conversations?q=${encodeURIComponent(find)}`);
  const rows = response.ok ? await response.json() : [];
  const list = $("#drawer .conversations");
  list.replaceChildren(...rows.map(({ id, title }) => make("li", { dataset: { id, title } },
    make("button", { type: "button", className: "open", dataset: { action: "open" },
      attributes: id === shown() ? { "aria-current": "true" } : {} }, title),
    make("div", { className: "tools" },
      make("button", { type: "button", dataset: { action: "rename" } }, said.rename),
      make("a", { href: `/conversations/${id}/export.md`, download: "" }, said.export),
      make("button", { type: "button", dataset: { action: "delete" } }, said.delete)))));
  if (!rows.length) list.append(make("li", { className: "none" }, said.no_conversations));
};

const licenceLine = (model) => [
  words().model_licence.replace("{licence}", model.licence),
  ...(model.llama ? [" · ", make("strong", {}, words().built_with_llama)] : []),
];

// Below the question box: who writes, the line that its licence asks for, and which documents are
// asked when not all are.
const nameWriter = async (model) => {
  const line = make("p", {});
  if (model?.writes) line.append(`${model.name} · `, ...licenceLine(model));
  else line.textContent = words().quotes_only;
  const response = await fetch("/own");
  const { asked, total } = response.ok ? await response.json() : {};
  if (asked < total) {
    line.append(" · ", make("a", { href: "/documents" },
      words().asking.replace("{asked}", asked).replace("{total}", total)));
  }
  $("#writer").replaceChildren(line);
  const notice = $("#welcome .notice");
  if (notice) notice.hidden = Boolean(model);
};

const showModels = async (drawer) => {
  const said = words();
  const section = $(".models", drawer);
  const response = await fetch("/models");
  if (!response.ok) return;
  const { current, problem, installed } = await response.json();
  const choice = make("select", { id: "model" },
    ...installed.map(({ name, description }) => make("option", { value: name,
      selected: name === current?.name }, description)),
    make("option", { value: "", selected: !current }, said.model_quote));
  const choose = async (anyway) => {
    choice.disabled = true;
    $(".licence", section).textContent = said.model_loading;
    try {
      await post("/models", { name: choice.value, anyway });
    } finally {
      await showModels(drawer);
    }
  };
  choice.addEventListener("change", () => choose(false));
  const licence = make("p", { className: "licence" });
  const more = [];
  if (current && !current.earned) {
    const box = make("input", { type: "checkbox", id: "anyway", checked: current.writes });
    box.addEventListener("change", () => choose(box.checked));
    if (!current.writes) {
      more.push(make("p", { className: "licence" }, said.model_silent.replace("{name}", current.name)));
    }
    more.push(make("label", { htmlFor: "anyway" }, box, said.model_anyway));
  }
  if (current) licence.append(...licenceLine(current));
  else licence.textContent = [said.model_none, problem || "", said.model_pull].join(" ");
  nameWriter(current);
  section.replaceChildren(make("h2", {}, said.model),
    make("label", { htmlFor: "model" }, said.model_use), choice, licence, ...more);
};

const shown = () => $("#live [data-conversation]")?.dataset.conversation || "";

const open = (conversation) => {
  document.documentElement.classList.toggle("asked", Boolean(conversation));
  tell("select", { conversation });
};

// ---- what is clicked --------------------------------------------------------------------------

const flash = (button, text) => {
  const before = button.textContent;
  button.textContent = text;
  setTimeout(() => { button.textContent = before; }, 1200);
};

const copyText = async (button, text) => {
  await navigator.clipboard.writeText(text);
  flash(button, words().copied);
};

const answerText = (turn) => {
  const lines = $$(".answer .statement", turn).map((line) => {
    const marks = $$(".chip", line).map((chip) => `[${chip.dataset.citation}]`).join("");
    const text = $$(".words", line).map((part) => part.textContent).join("");
    return `${text} ${marks}`.trim();
  });
  const sources = $$(".sources:not(.nearest) li", turn).map((item) =>
    `[${item.value}] ${$(".source-title", item).textContent} ${$(".days", item)?.textContent || ""}`.trim());
  return [...lines, ...(sources.length ? ["", ...sources] : [])].join("\n");
};

const rate = async (button, verdict, reason) => {
  const turn = button.closest(".turn");
  await post("/feedback", { answer: turn.dataset.answer, verdict, reason });
  $$('[data-action="good"], [data-action="bad"]', turn).forEach((other) =>
    other.setAttribute("aria-pressed", String(other.dataset.action === verdict)));
  const form = $(".why", turn);
  form.hidden = verdict !== "bad" || reason !== "";
  $(".thanks", turn).hidden = !form.hidden;
  if (!form.hidden) $("input", form).focus();
};

const actions = {
  previous: () => step(-1),
  next: () => step(1),
  close: () => closePanel(),
  link: (button) => copyText(button, new URL($("#panel").dataset.address, location.href).href),
  "close-drawer": () => closeDrawer(),
  conversations: (button) => closeDrawer() || openDrawer(button),
  new: () => {
    document.documentElement.classList.remove("asked");
    keepPromise();
    history.replaceState(null, "", "/");
    tell("clear");
    closePanel();
    box()?.focus();
  },
  theme: () => {
    const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
    const root = document.documentElement;
    root.dataset.theme = (root.dataset.theme || system) === "dark" ? "light" : "dark";
    localStorage.setItem("theme", root.dataset.theme);
  },
  copy: (button) => copyText(button, answerText(button.closest(".turn"))),
  again: (button) => {
    const turn = button.closest(".turn");
    const text = $(".asked span:last-child", turn).textContent;
    if (!busy() && turn === $("#live .turn")) tell("retry");
    else fill(text);
  },
  edit: (button) => {
    const turn = button.closest(".turn");
    if (!busy() && turn === $("#live .turn")) tell("edit");
    else fill($(".asked span:last-child", turn).textContent);
    box().focus();
  },
  good: (button) => rate(button, "good", ""),
  bad: (button) => rate(button, "bad", ""),
  open: (button) => {
    closeDrawer();
    open(button.closest("li").dataset.id);
  },
  rename: async (button) => {
    const { id, title } = button.closest("li").dataset;
    const name = prompt(words().rename_to, title);
    if (name?.trim()) await post(`/conversations/${id}/rename`, { title: name });
    await listConversations($("#drawer input").value);
  },
  delete: async (button) => {
    const { id } = button.closest("li").dataset;
    if (!confirm(words().delete_sure)) return;
    await post(`/conversations/${id}/delete`, {});
    if (id === shown()) actions.new();
    await listConversations($("#drawer input").value);
  },
};

document.addEventListener("click", (event) => {
  const target = event.target.closest("a, button");
  if (!target) return;
  if (target.closest("#send") && !busy()) promise(box().value);
  if (target.matches(".sample")) {
    fill(target.textContent);
    // gradio takes the text over in its next turn.
    setTimeout(() => $("#send").click(), 30);
  } else if (target.matches(".turn a[href^='/documents/']") && !event.ctrlKey && !event.metaKey &&
    !event.shiftKey && event.button === 0) {
    event.preventDefault();
    openPanel(target);
  } else if (target.matches("a.skip")) {
    event.preventDefault();
    box()?.focus();
  } else if (target.dataset.action) actions[target.dataset.action]?.(target);
});

document.addEventListener("submit", (event) => {
  if (!event.target.matches(".why")) return;
  event.preventDefault();
  rate(event.target, "bad", $("input", event.target).value.trim() || "-");
});

// ---- following the server ---------------------------------------------------------------------

const watch = () => {
  const live = $("#live");
  if (!live || !box()) {
    requestAnimationFrame(watch);
    return;
  }
  const talk = $("#talk");
  talk.setAttribute("role", "log");
  talk.setAttribute("aria-live", "polite");
  new MutationObserver(() => {
    const turn = $(".turn", live);
    document.documentElement.classList.toggle("asked", Boolean(turn || $("#pending")));
    if (turn) keepPromise();
    const conversation = shown();
    if (conversation && location.hash !== `#${conversation}`) history.replaceState(null, "", `#${conversation}`);
  }).observe(live, { childList: true, subtree: true, characterData: true });
  document.documentElement.classList.add("ready");
  fetch("/models").then((response) => response.json()).then(({ current }) => nameWriter(current));
  const wanted = location.hash.slice(1);
  if (/^[0-9a-f]{32}$/.test(wanted)) open(wanted);
};
watch();
