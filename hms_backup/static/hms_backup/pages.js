/* Makes the pages of hms_backup pleasanter: dialogs, upload progress, what a download wrote.
   Without it every link and form works as it is. All texts come from the templates. */
"use strict";
(() => {
  if (document.documentElement.hasAttribute("data-hms-backup")) return; // a page may load this twice
  document.documentElement.setAttribute("data-hms-backup", "");
  const FRAGMENT = { "X-Hms-Fragment": "1" };

  /* Dialogs */

  function closeButton(dialog, label) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "hms-dialog-close";
    button.setAttribute("aria-label", label);
    button.textContent = "×";
    button.addEventListener("click", () => dialog.close());
    return button;
  }

  async function openDialog(link) {
    const answer = await fetch(link.href, { headers: FRAGMENT, credentials: "same-origin" });
    if (answer.redirected) throw new Error("signed out");
    const dialog = document.createElement("dialog");
    dialog.className = "hms-dialog";
    dialog.setAttribute("aria-labelledby", "hms-dialog-title");
    dialog.innerHTML = await answer.text();
    const words = dialog.querySelector("[data-hms-close]");
    if (!words) throw new Error("not a fragment");
    dialog.prepend(closeButton(dialog, words.dataset.hmsClose));
    dialog.addEventListener("cancel", (event) => {
      if (dialog.querySelector("[data-hms-working]")) event.preventDefault();
    });
    dialog.addEventListener("close", () => {
      dialog.remove();
      link.focus();
      if (dialog.dataset.hmsReload) location.reload();
    });
    document.body.append(dialog);
    wire(dialog);
    dialog.showModal();
    dialog.querySelector("#hms-dialog-title").focus();
  }

  function wireDialogLink(link) {
    link.setAttribute("aria-haspopup", "dialog");
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
      event.preventDefault();
      openDialog(link).catch(() => { location.href = link.href; });
    });
  }

  function wireCancel(link) {
    const dialog = link.closest("dialog");
    if (!dialog) return;
    link.addEventListener("click", (event) => {
      event.preventDefault();
      dialog.close();
    });
  }

  /* Forms */

  function say(form, text) {
    const place = form.querySelector(".hms-progress");
    if (place) place.replaceChildren(text);
    return place;
  }

  function busy(form, on) {
    for (const button of form.querySelectorAll("button[type=submit]")) button.disabled = on;
    form.toggleAttribute("data-hms-working", on);
    if (on) form.setAttribute("aria-busy", "true");
    else form.removeAttribute("aria-busy");
  }

  function showErrors(form, messages) {
    const place = form.parentElement.querySelector(".hms-errors");
    const list = document.createElement("ul");
    for (const message of messages) {
      const item = document.createElement("li");
      item.textContent = message;
      list.append(item);
    }
    place.replaceChildren(...(messages.length ? [list] : []));
  }

  function wireOnce(form) {
    form.addEventListener("submit", (event) => {
      if (form.hasAttribute("data-hms-working")) {
        event.preventDefault();
        return;
      }
      busy(form, true);
      const note = document.createElement("span");
      note.setAttribute("role", "status");
      note.textContent = form.closest("[data-hms-busy]").dataset.hmsBusy;
      form.append(" ", note);
    });
    // The back button brings the page back as it was left.
    addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
  }

  /* Upload */

  function wireUpload(form) {
    const input = form.querySelector("input[type=file]");
    const zone = form.querySelector(".hms-drop");
    const words = form.dataset;

    const problem = () => {
      const file = input.files[0];
      if (!file) return words.hmsEmpty;
      return file.size > Number(words.hmsMax) ? words.hmsTooLarge : "";
    };
    input.addEventListener("change", () => {
      const text = input.files[0] ? problem() : "";
      showErrors(form, text ? [text] : []);
    });
    for (const kind of ["dragenter", "dragover"]) zone.addEventListener(kind, (event) => {
      event.preventDefault();
      zone.classList.add("hms-drop-over");
    });
    for (const kind of ["dragleave", "drop"]) zone.addEventListener(kind, (event) => {
      event.preventDefault();
      zone.classList.remove("hms-drop-over");
    });
    zone.addEventListener("drop", (event) => {
      if (!event.dataTransfer.files.length) return;
      const only = new DataTransfer();
      only.items.add(event.dataTransfer.files[0]);
      input.files = only.files;
      input.dispatchEvent(new Event("change"));
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (form.hasAttribute("data-hms-working")) return;
      const text = problem();
      showErrors(form, text ? [text] : []);
      if (!text) upload(form);
    });
  }

  function upload(form) {
    const words = form.dataset;
    const bar = document.createElement("progress");
    bar.max = 1;
    bar.value = 0;
    bar.setAttribute("aria-label", words.hmsUploading);
    say(form, words.hmsUploading).append(bar);
    busy(form, true);
    const request = new XMLHttpRequest();
    const failed = (messages) => {
      busy(form, false);
      say(form, "");
      showErrors(form, messages);
    };
    request.open("POST", form.action);
    request.setRequestHeader("Accept", "application/json");
    request.responseType = "json";
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) bar.value = event.loaded / event.total;
    });
    request.upload.addEventListener("load", () => { say(form, words.hmsPlanning); });
    request.addEventListener("error", () => failed([words.hmsBroken]));
    request.addEventListener("load", () => {
      const answer = request.response || {};
      if (answer.location) location.href = answer.location;
      else if (request.responseURL && request.responseURL !== form.action) location.href = form.action; // signed out
      else failed(answer.errors || [request.status === 403 ? words.hmsStale : words.hmsBroken]); // another sign-in made the form's token void
    });
    request.send(new FormData(form));
  }

  /* Download: the server sets a cookie with the answer, since the browser tells pages nothing. */

  function randomToken() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  function takeCookie(name) {
    const found = document.cookie.split("; ").find((each) => each.startsWith(`${name}=`));
    if (!found) return "";
    document.cookie = `${name}=; max-age=0; path=/; samesite=lax`;
    return found.slice(name.length + 1);
  }

  function wireDownload(form) {
    const words = form.dataset;
    form.addEventListener("submit", (event) => {
      if (form.hasAttribute("data-hms-working")) {
        event.preventDefault();
        return;
      }
      const token = randomToken();
      form.elements.token.value = token;
      const bar = document.createElement("progress");
      bar.setAttribute("aria-label", words.hmsPreparing);
      say(form, words.hmsPreparing).append(bar);
      setTimeout(() => busy(form, true));
      waitFor(form, words.hmsDownload + token);
    });
    addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
  }

  function waitFor(form, cookie) {
    const started = Date.now();
    const timer = setInterval(async () => {
      const operation = takeCookie(cookie);
      const late = Date.now() - started > 10 * 60 * 1000;
      if (!operation && !late) return;
      clearInterval(timer);
      busy(form, false);
      if (!operation) {
        say(form, form.dataset.hmsFailed);
        return;
      }
      await showResult(form, operation);
    }, 250);
  }

  async function showResult(form, operation) {
    const address = form.dataset.hmsResult.replace("00000000-0000-0000-0000-000000000000", operation);
    const answer = await fetch(address, { headers: FRAGMENT, credentials: "same-origin" });
    const dialog = form.closest("dialog");
    if (!dialog || !answer.ok || answer.redirected) {
      location.href = address;
      return;
    }
    const close = dialog.querySelector(".hms-dialog-close");
    dialog.innerHTML = await answer.text();
    dialog.prepend(close);
    dialog.dataset.hmsReload = "1";
    wire(dialog);
    dialog.querySelector("#hms-dialog-title").focus();
  }

  /* A link to a folded table unfolds it. */

  function unfold() {
    const target = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
    if (target && target.matches("details")) target.open = true;
  }

  function wire(root) {
    root.querySelectorAll("a[data-hms-dialog]").forEach(wireDialogLink);
    root.querySelectorAll("[data-hms-cancel]").forEach(wireCancel);
    root.querySelectorAll("form[data-hms-upload]").forEach(wireUpload);
    root.querySelectorAll("form[data-hms-download]").forEach(wireDownload);
    root.querySelectorAll("form[data-hms-once]").forEach(wireOnce);
  }

  addEventListener("hashchange", unfold);
  unfold();
  wire(document);
})();
