// The list of documents: adding files, removing them, choosing which are asked. What is put into
// the page is text, or HTML of this server's own list, escaped there.
"use strict";
(() => {
  const lists = document.getElementById("lists");
  if (!lists) return;
  const adding = document.getElementById("adding");
  const said = adding ? JSON.parse(adding.dataset.words) : {};
  const post = (address, data) => fetch(address, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(data),
  });

  // ---- which documents are asked --------------------------------------------------------------

  const showMixed = () => {
    for (const group of lists.querySelectorAll(".group")) {
      const boxes = [...group.querySelectorAll(".one")];
      const asked = boxes.filter((box) => box.checked).length;
      const all = group.querySelector(".all");
      all.checked = asked === boxes.length;
      all.indeterminate = asked > 0 && asked < boxes.length;
    }
  };

  const docOf = (element) => element.closest("[data-doc]").dataset.doc;

  lists.addEventListener("change", async ({ target }) => {
    const boxes = target.matches(".all") ? [...target.closest(".group").querySelectorAll(".one")] : [target];
    for (const box of boxes) box.checked = target.checked;
    showMixed();
    await post("/own/asked", { docs: boxes.map(docOf), asked: target.checked });
  });

  const refresh = async () => {
    const response = await fetch(location.href);
    const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
    lists.replaceChildren(...fresh.getElementById("lists").childNodes);
    showMixed();
  };

  lists.addEventListener("click", async ({ target }) => {
    if (!target.matches(".remove")) return;
    const doc = docOf(target);
    if (!confirm(said.remove_sure.replace("{name}", doc.replace(/^own\//, "")))) return;
    target.disabled = true;
    await post("/own/remove", { doc });
    follow();
  });

  showMixed();
  if (!adding) return;

  // ---- files on their way ---------------------------------------------------------------------

  const coming = document.getElementById("coming");
  const rows = new Map(); // by the document's name, once the server has given it one

  const make = (tag, className, text = "") => {
    const element = document.createElement(tag);
    element.className = className;
    element.textContent = text;
    return element;
  };

  const rowFor = (name) => {
    const item = make("li", "");
    const bar = make("progress", "");
    bar.max = 1;
    bar.value = 0;
    bar.setAttribute("aria-label", name);
    item.append(make("span", "name", name), bar, make("span", "state", said.sending), make("p", "reason"));
    coming.append(item);
    return item;
  };

  const tell = (item, state, share, reason = "") => {
    item.dataset.state = state;
    item.querySelector(".state").textContent = said[state];
    item.querySelector("progress").value = share;
    item.querySelector(".reason").textContent = reason;
  };

  const refuse = (item, reason) => tell(item, "not_added", 1, reason || said.failed);

  // A tenth of the bar for sending, a tenth for reading, the rest for taking in.
  const send = (file, name, item, { more, replaces }) => new Promise((resolve) => {
    if (file.size > Number(adding.dataset.most)) {
      refuse(item, said.too_large.replace("{most}", Number(adding.dataset.most) / 1e6));
      resolve();
      return;
    }
    const request = new XMLHttpRequest();
    request.open("POST", `/own/add?${new URLSearchParams({ name, more, replaces })}`);
    request.upload.onprogress = ({ loaded, total }) => tell(item, "sending", 0.1 * loaded / total);
    request.upload.onload = () => tell(item, "reading", 0.15);
    request.onerror = () => { refuse(item); resolve(); };
    request.onload = () => {
      let result = {};
      try {
        result = JSON.parse(request.responseText);
      } catch {
        // Refused before it came to the list: there is no reason to show but the state.
      }
      if (result.doc) {
        tell(item, "indexing", 0.2);
        rows.set(result.doc, item);
        follow();
      } else {
        refuse(item, result.reason);
        if (result.taken) {
          const again = make("button", "again", said.replace);
          again.type = "button";
          again.addEventListener("click", () => {
            again.remove();
            send(file, name, item, { more: false, replaces: true });
          });
          item.append(again);
        }
      }
      resolve();
    };
    request.send(file);
  });

  let sending = Promise.resolve();

  const add = (files) => {
    const waiting = files.map(({ file, name }) => ({ file, name, item: rowFor(name) }));
    sending = sending.then(async () => {
      for (const [place, { file, name, item }] of waiting.entries()) {
        await send(file, name, item, { more: place < waiting.length - 1, replaces: false });
      }
    });
  };

  let following = false;

  const follow = async () => {
    if (following) return;
    following = true;
    for (let busy = true; busy;) {
      await new Promise((resolve) => { setTimeout(resolve, 300); });
      const response = await fetch("/own");
      if (!response.ok) break;
      const state = await response.json();
      for (const { doc, state: stage, share, reason } of state.coming) {
        const item = rows.get(doc);
        if (item && stage === "indexing") tell(item, "indexing", 0.2 + 0.8 * share);
        if (item && stage === "ready") tell(item, "ready", 1);
        if (item && stage === "failed") refuse(item, reason);
      }
      busy = state.busy;
    }
    following = false;
    await refresh();
  };

  // ---- where files come from ------------------------------------------------------------------

  for (const kind of ["files", "folder"]) {
    const input = document.getElementById(kind);
    adding.querySelector(`[data-pick="${kind}"]`).addEventListener("click", () => input.click());
    input.addEventListener("change", () => {
      add([...input.files].filter((file) => !hidden(file.webkitRelativePath || file.name))
        .map((file) => ({ file, name: file.webkitRelativePath || file.name })));
      input.value = "";
    });
  }

  const hidden = (name) => name.split("/").some((part) => part.startsWith("."));

  const filesOf = async (entry, path = "") => {
    if (entry.name.startsWith(".")) return [];
    if (entry.isFile) {
      const file = await new Promise((resolve, reject) => { entry.file(resolve, reject); });
      return [{ file, name: path + entry.name }];
    }
    const reader = entry.createReader();
    const found = [];
    for (;;) {
      // A reader gives a hundred entries at a time.
      const some = await new Promise((resolve, reject) => { reader.readEntries(resolve, reject); });
      if (!some.length) return found;
      for (const child of some) found.push(...await filesOf(child, `${path}${entry.name}/`));
    }
  };

  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    adding.classList.add("over");
  });
  document.addEventListener("dragleave", () => adding.classList.remove("over"));
  document.addEventListener("drop", async (event) => {
    event.preventDefault();
    adding.classList.remove("over");
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry()).filter(Boolean);
    add((await Promise.all(entries.map((entry) => filesOf(entry)))).flat());
  });

  // Left and come back while files are still being taken in.
  fetch("/own").then((response) => response.json()).then(({ busy, coming: known }) => {
    if (!busy) return;
    for (const { doc, state } of known) {
      if (state === "indexing") rows.set(doc, rowFor(doc.replace(/^own\//, "")));
    }
    follow();
  });
})();
