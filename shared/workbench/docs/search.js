// The search: every heading, table row, list item, paragraph and block of code of the page.
(() => {
  "use strict";
  const $ = (selector, within = document) => within.querySelector(selector);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const input = $("#q");
  const box = $("#found");
  const synonyms = Object.entries(JSON.parse($("#synonyms").textContent));
  const MOST = 30;
  let index = null;
  let hits = [];
  let chosen = -1;

  // --- the index ---
  const text = (element) => {
    const copy = element.cloneNode(true);
    all("button, .here, .again, .level", copy).forEach((one) => one.remove());
    return copy.textContent.replace(/\s+/g, " ").trim();
  };
  // `CommandIdUsed` and `reset_password` are found by `id used` and `reset password`, too.
  const folded = (words) => `${words} ${words.replace(/([a-z])([A-Z])/g, "$1 $2").replace(/[_./]/g, " ")}`.toLowerCase();

  // A row is called what its first cell says, or, if that is long, by the names that it begins with.
  const called = (cell) => {
    if (text(cell).length <= 60) return text(cell);
    return cell.firstChild === cell.firstElementChild ? all("code", cell).map(text).join(" ") : "";
  };

  const build = () => all(".chapter").flatMap((chapter) => {
    const above = [];
    return all("h2, h3, h4, h5, tbody tr, li, dd, p, pre, summary", chapter).flatMap((element) => {
      if (element.matches("p, li") && element.parentElement.closest("td, li, dd, .copy")) return [];
      const level = Number(/^H(\d)$/.exec(element.tagName)?.[1] ?? 0);
      if (level) above.splice(level - 2);
      const words = element.cells ? [...element.cells].map(text).filter(Boolean).join(" · ") : text(element);
      if (!words) return [];
      const where = above.filter(Boolean).join(" › ") || words;
      const title = level ? words : element.cells ? called(element.cells[0]) : "";
      if (level) above[level - 2] = words;
      const detail = element.closest("[data-detail]") !== null; // for those who look for it by its name
      const name = title.toLowerCase();
      return [{ element, level, words, where, detail, low: folded(words), title: detail ? name : folded(title), name, about: folded(where) }];
    });
  });

  // --- what fits, and how well ---
  const escaped = (term) => term.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const word = (term) => ({ begins: new RegExp(`(?<![a-z0-9])${escaped(term)}`), is: new RegExp(`(?<![a-z0-9])${escaped(term)}(?![a-z0-9])`) });

  /** The query as typed, and with the page's own words in place of the reader's. */
  const variants = (query) => {
    const found = [query];
    for (const [phrase, others] of synonyms) {
      if (!` ${query} `.includes(` ${phrase} `)) continue;
      for (const other of others) found.push(` ${query} `.replace(` ${phrase} `, ` ${other.toLowerCase()} `).trim());
    }
    return found.map((one) => ({ query: one, terms: one.split(/\s+/), words: one.split(/\s+/).map(word) }));
  };

  /** 0, or more for an entry that holds every word; most for one whose title does. */
  const score = (entry, { query, words }) => {
    let points = 0;
    let inTitle = 0;
    let own = 0;
    for (const { begins, is } of words) {
      if (begins.test(entry.title)) { points += is.test(entry.title) ? 12 : 8; inTitle += 1; own += 1; }
      else if (begins.test(entry.low)) { points += is.test(entry.low) ? 4 : 3; own += 1; }
      else if (begins.test(entry.about)) points += 1;
      else return 0;
    }
    if (!own) return 0;
    if (inTitle === words.length) points += 20 + (entry.name === query ? 40 : (10 * query.length) / entry.name.length);
    if (entry.low.includes(query)) points += 5;
    if (entry.level) points += 8 - entry.level;
    if (entry.detail) points /= 3;
    return points + 1 / (1 + entry.words.length / 50);
  };

  const find = (typed) => {
    const wanted = variants(typed);
    return index.map((entry) => wanted.map((one) => ({ entry, terms: one.terms, points: score(entry, one) }))
      .reduce((best, one) => (one.points > best.points ? one : best)))
      .filter((hit) => hit.points > 0).sort((a, b) => b.points - a.points);
  };

  // --- the list ---
  const piece = (words, terms) => {
    const first = Math.min(...terms.map((term) => words.toLowerCase().indexOf(term)).filter((at) => at >= 0), words.length);
    const from = first > 60 && first < words.length ? words.lastIndexOf(" ", first - 40) + 1 : 0;
    const shown = (from ? "… " : "") + words.slice(from, from + 180) + (words.length > from + 180 ? " …" : "");
    const span = document.createElement("span");
    const parts = shown.split(new RegExp(`(${terms.map(escaped).join("|")})`, "i"));
    parts.forEach((part, at) => {
      const one = at % 2 ? document.createElement("mark") : document.createTextNode(part);
      if (at % 2) one.textContent = part;
      span.append(one);
    });
    return span;
  };

  const option = (id, ...children) => {
    const made = document.createElement("div");
    made.setAttribute("role", "option");
    made.setAttribute("aria-selected", "false");
    made.id = id;
    made.append(...children);
    return made;
  };

  const choose = (next) => {
    const options = all("[role=option]", box);
    options[chosen]?.setAttribute("aria-selected", "false");
    chosen = (next + options.length) % options.length;
    options[chosen].setAttribute("aria-selected", "true");
    options[chosen].scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", options[chosen].id);
  };

  const close = () => {
    box.hidden = true;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
    chosen = -1;
  };

  const search = () => {
    const query = input.value.trim().toLowerCase().replace(/\s+/g, " ");
    close();
    if (query.length < 2) { $("#said").textContent = ""; return; }
    index ||= build();
    let found = find(query);
    if (!found.length) found = find(query.replace(/\.[\w-]+$/, ".*")); // a code that only a family's row names
    hits = found.slice(0, MOST);
    box.replaceChildren(...hits.map(({ entry, terms }, number) => {
      const where = document.createElement("b");
      where.textContent = entry.where;
      return option(`found-${number}`, where, piece(entry.words, terms));
    }));
    if (!hits.length) {
      box.append(option("found-none", "Nothing found. Try fewer or other words."));
      box.firstChild.setAttribute("aria-disabled", "true");
    }
    $("#said").textContent = found.length ? `${found.length} found` : "Nothing found";
    box.hidden = false;
    input.setAttribute("aria-expanded", "true");
    if (hits.length) choose(0);
  };

  const go = (number) => {
    const element = hits[number]?.entry.element;
    if (!element) return;
    close();
    for (let one = element; one; one = one.parentElement) if (one.tagName === "DETAILS") one.open = true;
    all(".hit").forEach((one) => one.classList.remove("hit"));
    if (element.id) history.pushState(null, "", `#${element.id}`);
    element.classList.add("hit");
    element.scrollIntoView({ block: hits[number].entry.level ? "start" : "center" });
    element.setAttribute("tabindex", element.getAttribute("tabindex") ?? "-1");
    element.focus({ preventScroll: true });
  };

  // --- the keyboard and the mouse ---
  input.disabled = false;
  if (matchMedia("(max-width: 40rem)").matches) input.placeholder = "Search";
  input.addEventListener("focus", search);
  input.addEventListener("input", search);
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      if (box.hidden) search();
      else if (hits.length) choose(chosen + step);
    } else if (event.key === "Enter") {
      event.preventDefault();
      go(chosen);
    } else if (event.key === "Escape") {
      input.value = "";
      search();
    }
  });
  box.addEventListener("mousedown", (event) => event.preventDefault()); // the field keeps the focus
  box.addEventListener("click", (event) => {
    const clicked = event.target.closest("[role=option]");
    if (clicked) go(all("[role=option]", box).indexOf(clicked));
  });
  $(".search").addEventListener("submit", (event) => event.preventDefault());
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, textarea, select")) return;
    event.preventDefault();
    input.focus();
    input.select();
  });
})();
