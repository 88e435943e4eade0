// Contents, search and Redoc. The text above needs none of it.
(() => {
  "use strict";
  const $ = (selector, within = document) => within.querySelector(selector);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  document.documentElement.classList.add("js");

  // --- contents: where the reader is -------------------------------------------------------------------------------
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
    if (current) {
      current.removeAttribute("aria-current");
      all("li.open", nav).forEach((item) => item.classList.remove("open"));
    }
    current = link;
    link.setAttribute("aria-current", "location");
    const item = link.closest("nav > ul > li");
    item.classList.add("open");
    const box = nav.getBoundingClientRect();
    const mine = link.getBoundingClientRect();
    if (mine.top < box.top || mine.bottom > box.bottom) nav.scrollTop += mine.top - box.top - box.height / 3;
  };

  // Redoc writes the place that it thinks one is at into the address on every scroll. This listener comes first and
  // ends the matter: here a reader's address changes when a link is followed, and not otherwise.
  let due = false;
  window.addEventListener("scroll", (event) => {
    event.stopImmediatePropagation();
    if (due) return;
    due = true;
    requestAnimationFrame(() => { due = false; follow(); });
  }, { capture: true, passive: true });

  const button = $(".menu");
  button.hidden = false;
  const show = (open) => {
    nav.classList.toggle("shown", open);
    button.setAttribute("aria-expanded", String(open));
  };
  button.addEventListener("click", () => show(!nav.classList.contains("shown")));
  nav.addEventListener("click", (event) => { if (event.target.closest("a")) show(false); });

  // A link into something that is folded unfolds it.
  const unfold = (element) => {
    for (let one = element; one; one = one.parentElement) if (one.tagName === "DETAILS") one.open = true;
  };
  const arrive = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target) unfold(target);
  };
  window.addEventListener("hashchange", arrive);
  window.addEventListener("beforeprint", () => all("details").forEach((one) => { one.open = true; }));

  // --- search: every heading, row, item and paragraph --------------------------------------------------------------
  const input = $("#q");
  const box = $("#found");
  const count = $("#count");
  const MOST = 30;
  let index = null;
  let hits = [];
  let chosen = -1;
  input.disabled = false;
  if (matchMedia("(max-width: 40rem)").matches) input.placeholder = "Search";

  const text = (element) => element.textContent.replace(/\s+/g, " ").trim();

  const build = () => {
    const entries = [];
    for (const chapter of all(".chapter")) {
      const title = text($("h2", chapter)).replace(/#$/, "");
      let part = "";
      for (const element of all("h2, h3, h4, h5, tbody tr, li, dd, p, pre, summary", chapter)) {
        if (element.matches("p, li") && element.closest("td, li li")) continue;
        const heading = /^H[2-5]$/.test(element.tagName);
        const drawn = element.closest("#redoc") !== null; // where an operation is a second-level heading
        if (element.tagName === (drawn ? "H2" : "H3")) part = text(element);
        else if (element.tagName === "H2") part = "";
        const words = element.cells ? [...element.cells].map(text).filter(Boolean).join(" · ") : text(element).replace(heading ? /#$/ : "", "");
        if (!words) continue;
        const first = element.tagName === "TR" ? text(element.cells[0]).toLowerCase() : "";
        entries.push({ element, words, low: words.toLowerCase(), first, heading, where: part && part !== words ? `${title} › ${part}` : title });
      }
    }
    return entries;
  };

  // Names before texts: a heading or a row that is called what was asked for comes first, folded API parts last.
  const score = (entry, query, terms) => {
    let points = 0;
    for (const term of terms) {
      const at = entry.low.indexOf(term);
      if (at < 0) return 0;
      points += at === 0 ? 3 : 1;
    }
    if (entry.first === query || (entry.heading && entry.low === query)) points += 60;
    else if (entry.first.split(/[\s,]+/).includes(query)) points += 40;
    else if (entry.first.includes(query)) points += 25;
    if (entry.heading) points += 10;
    if (entry.low.includes(query)) points += 5;
    if (entry.element.closest("#redoc")) points /= 4;
    return points + 1 / (1 + entry.words.length / 50);
  };

  const piece = (words, terms) => {
    const low = words.toLowerCase();
    const at = Math.min(...terms.map((term) => low.indexOf(term)).filter((n) => n >= 0));
    const from = at > 60 ? words.lastIndexOf(" ", at - 40) + 1 : 0;
    const shown = (from ? "… " : "") + words.slice(from, from + 180) + (words.length > from + 180 ? " …" : "");
    const span = document.createElement("span");
    const pattern = new RegExp(terms.map((t) => t.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|"), "gi");
    let last = 0;
    for (const match of shown.matchAll(pattern)) {
      span.append(shown.slice(last, match.index));
      const mark = document.createElement("mark");
      mark.textContent = match[0];
      span.append(mark);
      last = match.index + match[0].length;
    }
    span.append(shown.slice(last));
    return span;
  };

  const choose = (next) => {
    const options = all("[role=option]", box);
    options[chosen]?.setAttribute("aria-selected", "false");
    chosen = options.length ? (next + options.length) % options.length : -1;
    const option = options[chosen];
    if (option) {
      option.setAttribute("aria-selected", "true");
      option.scrollIntoView({ block: "nearest" });
      input.setAttribute("aria-activedescendant", option.id);
    } else input.removeAttribute("aria-activedescendant");
  };

  const close = () => {
    box.hidden = true;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
    chosen = -1;
  };

  const search = () => {
    const query = input.value.trim().toLowerCase();
    if (query.length < 2) { count.textContent = ""; close(); return; }
    index ||= build();
    const terms = query.split(/\s+/);
    hits = index.map((entry) => ({ entry, points: score(entry, query, terms) })).filter((hit) => hit.points > 0)
      .sort((a, b) => b.points - a.points).map((hit) => hit.entry);
    const many = hits.length;
    hits = hits.slice(0, MOST);
    box.replaceChildren();
    hits.forEach((entry, number) => {
      const option = document.createElement("div");
      option.setAttribute("role", "option");
      option.setAttribute("aria-selected", "false");
      option.id = `found-${number}`;
      const where = document.createElement("b");
      where.textContent = entry.where;
      option.append(where, piece(entry.words, terms));
      box.append(option);
    });
    if (!many) {
      const none = document.createElement("div");
      none.setAttribute("role", "option");
      none.setAttribute("aria-disabled", "true");
      none.textContent = "Nothing on this page holds all of these words.";
      box.append(none);
    }
    count.textContent = many ? `${many} found` : "nothing found";
    box.hidden = false;
    input.setAttribute("aria-expanded", "true");
    chosen = -1;
    if (many) choose(0);
  };

  const go = (number) => {
    const entry = hits[number];
    if (!entry) return;
    close();
    show(false);
    unfold(entry.element);
    all(".hit").forEach((one) => one.classList.remove("hit"));
    const anchor = entry.element.id || entry.element.closest("[id]:not(main)")?.id;
    if (entry.element.id) history.pushState(null, "", `#${anchor}`);
    entry.element.classList.add("hit");
    entry.element.scrollIntoView({ block: entry.heading ? "start" : "center" });
    entry.element.setAttribute("tabindex", entry.element.getAttribute("tabindex") ?? "-1");
    entry.element.focus({ preventScroll: true });
  };

  input.addEventListener("focus", () => { if (input.value) search(); });
  input.addEventListener("input", search);
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (box.hidden) search();
      else choose(chosen + (event.key === "ArrowDown" ? 1 : -1));
    } else if (event.key === "Enter") { event.preventDefault(); go(chosen); }
    else if (event.key === "Escape") { input.value = ""; count.textContent = ""; close(); }
  });
  box.addEventListener("mousedown", (event) => event.preventDefault()); // the field keeps the focus
  box.addEventListener("click", (event) => {
    const option = event.target.closest("[role=option]");
    if (option) go(all("[role=option]", box).indexOf(option));
  });
  input.addEventListener("blur", close);
  $(".search").addEventListener("submit", (event) => event.preventDefault());
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !event.ctrlKey && !event.metaKey && !event.target.matches("input, textarea")) {
      event.preventDefault();
      input.focus();
      input.select();
    } else if (event.key === "Escape") show(false);
  });

  // --- the HTTP interface ------------------------------------------------------------------------------------------
  const sans = getComputedStyle(document.documentElement).getPropertyValue("--sans");
  const mono = getComputedStyle(document.documentElement).getPropertyValue("--mono");
  const theme = {
    spacing: { unit: 4, sectionHorizontal: 16, sectionVertical: 16 },
    breakpoints: { small: "50rem", medium: "9999rem", large: "9999rem" }, // one column on every screen
    colors: {
      primary: { main: "#0b5567" }, success: { main: "#1d6a32" }, warning: { main: "#7a4a00" }, error: { main: "#a3210a" },
      text: { primary: "#1c2430", secondary: "#4d5866" }, border: { dark: "#d5dae1", light: "#e4e8ed" },
      responses: {
        success: { color: "#1d6a32", backgroundColor: "#e9f4ec" }, error: { color: "#a3210a", backgroundColor: "#fbecea" },
        redirect: { color: "#7a4a00", backgroundColor: "#fbf2e2" }, info: { color: "#0b5567", backgroundColor: "#e6f1f3" },
      },
      http: { post: "#1d6a32" },
    },
    schema: { linesColor: "#8aa4ab", typeNameColor: "#4d5866", typeTitleColor: "#0b5567", requireLabelColor: "#8a2b06", nestedBackground: "#f4f6f8" },
    typography: {
      fontSize: "15px", fontFamily: sans, smoothing: "auto",
      headings: { fontFamily: sans, fontWeight: "600" },
      code: { fontFamily: mono, fontSize: "13px", color: "#8a2b06", backgroundColor: "#f4f6f8", wrap: true },
      links: { color: "#0b5567", visited: "#0b5567", hover: "#0b5567" },
    },
    sidebar: { width: "0px" },
    rightPanel: { backgroundColor: "#1f2a37", width: "100%", textColor: "#ffffff" },
    codeBlock: { backgroundColor: "#141c26" },
  };
  const options = {
    theme, disableSearch: true, nativeScrollbars: true, hideDownloadButton: true, hideDownloadButtons: true, hideLoading: true,
    hideHostname: false, expandResponses: "", requiredPropsFirst: true, sortRequiredPropsFirst: true, jsonSampleExpandLevel: "all",
    scrollYOffset: 70, sideNavStyle: "id-only",
  };
  const host = $("#redoc");
  if (host) {
    Redoc.init(JSON.parse($("#openapi").textContent), options, host, (error) => {
      host.dataset.drawn = error ? "failed" : "yes";
      index = null;
      all("h5", host).forEach((title) => title.setAttribute("aria-level", "3"));
      follow();
      if (location.hash) { arrive(); document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView(); }
    });
  }
  follow();
  arrive();
})();
