// The menu, the colours, the copy buttons and the filter of the claims. The page can be read without any of them.
(() => {
  "use strict";
  const $ = (selector, within = document) => within.querySelector(selector);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const root = document.documentElement;
  root.classList.add("js");
  const say = (text) => { $("#said").textContent = text; };

  // --- the menu shows where the reader is ---
  const nav = $("#menu");
  const links = new Map(all("a", nav).map((link) => [link.hash.slice(1), link]));
  const places = [...links.keys()].map((id) => document.getElementById(id)).filter(Boolean);
  let current = null;

  const follow = () => {
    const line = Math.max(120, innerHeight * 0.3);
    let at = places[0];
    for (const place of places) {
      if (place.getBoundingClientRect().top <= line) at = place;
      else break;
    }
    const link = links.get(at.id);
    if (link === current) return;
    current?.removeAttribute("aria-current");
    all("li.open", nav).forEach((item) => item.classList.remove("open"));
    current = link;
    link.setAttribute("aria-current", "location");
    link.closest("nav > ul > li").classList.add("open");
    const box = nav.getBoundingClientRect();
    const mine = link.getBoundingClientRect();
    if (mine.top < box.top || mine.bottom > box.bottom) nav.scrollTop += mine.top - box.top - box.height / 3;
  };
  let due = false;
  addEventListener("scroll", () => {
    if (due) return;
    due = true;
    requestAnimationFrame(() => { due = false; follow(); });
  }, { passive: true });

  const button = $(".menu");
  button.hidden = false;
  const showMenu = (open) => {
    nav.classList.toggle("shown", open);
    button.setAttribute("aria-expanded", String(open));
  };
  button.addEventListener("click", () => showMenu(!nav.classList.contains("shown")));
  nav.addEventListener("click", (event) => { if (event.target.closest("a")) showMenu(false); });
  $("#q").addEventListener("focus", () => showMenu(false));
  addEventListener("keydown", (event) => { if (event.key === "Escape") showMenu(false); });

  // --- a link into something that is folded unfolds it ---
  const arrive = () => {
    for (let one = document.getElementById(decodeURIComponent(location.hash.slice(1))); one; one = one.parentElement) {
      if (one.tagName === "DETAILS") one.open = true;
    }
  };
  addEventListener("hashchange", arrive);
  addEventListener("beforeprint", () => all("details").forEach((one) => { one.open = true; }));

  // --- dark or light: as the system says, until the reader chooses ---
  const scheme = $(".scheme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.scheme || (system.matches ? "dark" : "light")) === "dark";
  const showScheme = () => scheme.setAttribute("aria-pressed", String(isDark()));
  scheme.hidden = false;
  scheme.addEventListener("click", () => {
    root.dataset.scheme = isDark() ? "light" : "dark";
    try { localStorage.setItem("keyturn-scheme", root.dataset.scheme); } catch { /* it lasts for this visit */ }
    showScheme();
  });
  system.addEventListener("change", showScheme);
  showScheme();

  // --- a copy button at every block of code ---
  const copied = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch { // no clipboard here, or it is not allowed: the older way
      const area = document.createElement("textarea");
      area.value = text;
      area.className = "unseen";
      document.body.append(area);
      area.select();
      const done = document.execCommand("copy");
      area.remove();
      return done;
    }
  };
  for (const block of all("main pre")) {
    const frame = document.createElement("div");
    const copy = document.createElement("button");
    frame.className = "copy";
    copy.type = "button";
    copy.textContent = "Copy";
    copy.addEventListener("click", async () => {
      const done = await copied(block.textContent.replace(/\n$/, ""));
      copy.focus();
      copy.textContent = done ? "Copied" : "Not copied";
      say(copy.textContent);
      setTimeout(() => { copy.textContent = "Copy"; say(""); }, 2000);
    });
    block.replaceWith(frame);
    frame.append(block, copy);
  }

  // --- claims by their status ---
  const filter = $("#claims-filter");
  if (filter) {
    const rows = all("tr[data-status]");
    const choose = $("select", filter);
    filter.hidden = false;
    choose.addEventListener("change", () => {
      rows.forEach((row) => { row.hidden = Boolean(choose.value) && row.dataset.status !== choose.value; });
      say(`${rows.filter((row) => !row.hidden).length} claims shown`);
    });
  }

  follow();
  arrive();
})();
