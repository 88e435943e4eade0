// The search: every heading, table row, list item, paragraph and block of code of the page.
(() => {
  "use strict";
  const $ = (selector, within = document) => within.querySelector(selector);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const input = $("#q");
  const results = $("#search-results");
  const box = $("#found");
  const synonyms = Object.entries(JSON.parse($("#synonyms").textContent));
  const MOST = 30;
  let index = null;
  let hits = [];
  let chosen = -1;

  // --- words ---
  const STOP = new Set((`a about am an and any are as at be but by can could do does during ever for from had has have i if in into is it
    its keyturn may me mean means my myself need of on or our out per please shall should so some that the their them then there these they this
    those to us use using want was we were which will with would you your`).split(/\s+/));
  const ASKING = new Set("how what when where who why".split(" ")); // they matter in synonyms alone
  const escaped = (term) => term.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const beginning = (term) => new RegExp(`(?<![a-z0-9])${escaped(term)}`);

  /** Lower case; a hyphen is a space; no marks around a word. */
  const plain = (words) => words.toLowerCase().replace(/[-‐–]+/g, " ").replace(/["'`()]|[?!,;.]+(?=\s|$)/g, "")
    .replace(/\s+/g, " ").trim();

  // `CommandIdUsed` and `reset_password` are found by `id used` and `reset password`, too.
  const folded = (words) => `${plain(words)} ${plain(words.replace(/([a-z])([A-Z])/g, "$1 $2").replace(/[_./:]/g, " "))}`;

  const split = (query) => query.split(" ").filter((one) => !STOP.has(one));
  /** The words to look for: without asking words, if others are left. */
  const sought = (words) => (words.every((one) => ASKING.has(one)) ? words : words.filter((one) => !ASKING.has(one)));

  /** What `rotate`, `rotates`, `rotating` and `rotation` begin with. */
  const ENDING = /(?<=\w{3})ies$|(?<=\w{5})ions?$|(?<=\w{4})(?:ing|ed|es|e|y)$|(?<=\w\w[^s])s$/;
  const stem = (term) => (/^[a-z]+$/.test(term) ? term.replace(ENDING, "") : term);

  /** How many letters to add, drop, replace or swap with the next one make `b` of `a`; more than `most` is `most + 1`. */
  const distance = (a, b, most) => {
    if (Math.abs(a.length - b.length) > most) return most + 1;
    let [older, old] = [[], Array.from({ length: b.length + 1 }, (_, at) => at)];
    for (let i = 1; i <= a.length; i += 1) {
      const row = [i];
      for (let j = 1; j <= b.length; j += 1) {
        row[j] = Math.min(old[j] + 1, row[j - 1] + 1, old[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
        if (a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) row[j] = Math.min(row[j], older[j - 2] + 1);
      }
      [older, old] = [old, row];
    }
    return Math.min(old[b.length], most + 1);
  };

  // --- the index ---
  const text = (element) => {
    const copy = element.cloneNode(true);
    all("button, .here, .again, .level", copy).forEach((one) => one.remove());
    return copy.textContent.replace(/\s+/g, " ").trim();
  };

  // A row is called what its first cell says, or, if that is long, by the names that it begins with.
  const called = (cell) => {
    if (text(cell).length <= 60) return text(cell);
    return cell.firstChild === cell.firstElementChild ? all("code", cell).map(text).join(" ") : "";
  };

  const build = () => all(".chapter, footer").flatMap((chapter) => {
    const above = [];
    let heading = null;
    return all("h2, h3, h4, h5, tbody tr, li, dd, p, pre, summary", chapter).flatMap((element) => {
      if (element.matches("p, li") && element.parentElement.closest("td, li, dd, .copy")) return [];
      const level = Number(/^H(\d)$/.exec(element.tagName)?.[1] ?? 0);
      if (level) above.splice(level - 2);
      const words = element.cells ? [...element.cells].map(text).filter(Boolean).join(" · ") : text(element);
      if (!words) return [];
      const where = above.filter(Boolean).join(" › ") || (level ? words : "This page");
      const title = level ? words : element.cells ? called(element.cells[0]) : "";
      if (level) above[level - 2] = words;
      const detail = element.closest("[data-detail]") !== null; // for those who look for it by its name
      const name = plain(title);
      const entry = { element, level, words, where, name, low: folded(words), about: folded(where), below: "" };
      entry.names = detail ? [] : sought(split(name)).map(stem);
      entry.title = detail ? name : folded(title);
      entry.weight = detail ? 0.3 : element.tagName === "PRE" ? 0.5 : 1;
      if (level) heading = entry;
      else if (heading && !element.cells && entry.weight === 1) heading.below += ` ${entry.low}`; // so that a heading stands for its text
      return [entry];
    });
  });

  let everything = ""; // all that the page says
  let sayings = ""; // and what readers may say instead
  let stems = new Set();
  const spelt = new Map(); // each word of both, and how often it is there
  const worths = new Map();
  const prepare = () => {
    index = build();
    everything = index.map((entry) => entry.low).join("\n");
    sayings = `${everything}\n${synonyms.map(([key]) => plain(key)).join("\n")}`;
    for (const [one] of sayings.matchAll(/[a-z_]+/g)) spelt.set(one, (spelt.get(one) ?? 0) + 1);
    stems = new Set([...spelt.keys()].map(stem));
  };

  // --- what the reader may have meant ---
  const known = (term) => beginning(term).test(sayings) || stems.has(stem(term));

  const nearest = (term) => {
    const most = term.length >= 9 ? 2 : term.length >= 5 ? 1 : 0;
    let [best, least] = [null, most + 1];
    for (const [one, times] of /^[a-z_]+$/.test(term) ? spelt : []) {
      const far = distance(term, one, most);
      if (far < least || (far === least && best && times > spelt.get(best))) [best, least] = [one, far];
    }
    return best;
  };

  /** A word of the query as the page has it, and whether that is another spelling; no terms if nothing is like it. */
  const meant = (term) => {
    if (known(term)) return { terms: [term] };
    const family = term.replace(/\.\w+$/, ".*"); // a code that only a family's row names
    if (family !== term && known(family)) return { terms: [family] };
    for (let at = 3; at <= term.length - 3; at += 1) {
      const parts = [term.slice(0, at), term.slice(at)];
      if (everything.includes(` ${parts.join(" ")} `)) return { terms: parts };
    }
    const near = nearest(term);
    if (near) return { terms: [near], misspelt: true };
    const parts = term.split(/[_./:]+/).filter(Boolean).map((part) => (part === term ? { terms: [] } : meant(part)));
    return { terms: parts.flatMap((part) => part.terms), misspelt: parts.some((part) => part.misspelt) };
  };

  /** The words as typed, two of them as one, and with the page's own words in place of the reader's. */
  const variants = (typed, words) => {
    const bare = words.map(stem);
    const last = words.at(-1); // still being typed, perhaps
    const unfinished = last.length > 3 && !beginning(last).test(everything);
    const fits = (key, at) => bare[at] === stem(key) || (unfinished && at === words.length - 1 && key.startsWith(last));
    const phrases = synonyms.map(([key, others]) => {
      const keys = split(plain(key));
      const at = bare.findIndex((_, from) => keys.every((one, next) => fits(one, from + next)));
      return { at, length: keys.length, end: at + keys.length, asks: keys.some((one) => ASKING.has(one)), others: others.map(plain) };
    }).filter((one) => one.at >= 0);
    const terms = sought(words);
    const found = phrases.some((one) => one.asks) ? [] : [{ name: typed, terms }];
    terms.slice(1).forEach((one, at) => {
      if (beginning(terms[at] + one).test(everything)) found.push({ terms: terms.toSpliced(at, 2, terms[at] + one) });
    });
    for (const { at, length, end, others } of phrases) {
      if (phrases.some((one) => one.at <= at && one.end >= end && one.length > length)) continue; // the longer one says it better
      for (const other of others) {
        found.push({ name: length === words.length && other, terms: sought(words.toSpliced(at, length, ...split(other))) });
      }
    }
    return found;
  };

  // --- what fits, and how well ---
  /** What a word is worth in each entry; a rare word is worth up to twice as much as one that is everywhere. */
  const worth = (term) => {
    if (worths.has(term)) return worths.get(term);
    const [is, begins, root] = [new RegExp(`${beginning(term).source}(?![a-z0-9])`), beginning(term), beginning(stem(term))];
    const grade = (words) => (!root.test(words) ? 0 : is.test(words) ? 4 : begins.test(words) ? 3 : 2.5);
    const found = index.map((entry) => {
      const title = grade(entry.title);
      const own = title ? (entry.level ? 3 : 2) * title : grade(entry.low) || (root.test(entry.below) ? 2 : 0);
      return { title, own, points: own || (root.test(entry.about) ? 1 : 0) };
    });
    const rarity = 2 - Math.log(1 + found.filter((one) => one.own).length) / Math.log(1 + index.length);
    found.forEach((one) => { one.points *= rarity; });
    worths.set(term, found);
    return found;
  };

  /** How many of the words an entry has, and its points: most for one whose title has them all. */
  const score = (entry, at, { name, terms, bare }) => {
    const each = terms.map((term) => worth(term)[at]);
    const met = each.filter((one) => one.points).length;
    if (!each.some((one) => one.own)) return { share: 0, points: 0 };
    let points = each.reduce((sum, one) => sum + one.points, 0);
    const query = terms.join(" ");
    if (each.every((one) => one.title)) points += 20 + ([name, query].includes(entry.name) ? 40 : (10 * Math.min(query.length / entry.name.length, 1)));
    if (entry.low.includes(query)) points += 5;
    if (entry.level) points += 8 - entry.level;
    const named = entry.names.length > 1 && entry.names.every((one) => bare.includes(one)); // the query says its whole title
    return { share: named ? 1 : met / terms.length, points: (points + 1 / (1 + entry.words.length / 50)) * entry.weight };
  };

  /** The entries that have all words, or else most of them; and what to tell the reader about it. */
  const find = (typed) => {
    const asked = split(typed);
    const wanted = (asked.length ? asked : typed.split(" ")).map((one) => (ASKING.has(one) ? { terms: [one] } : meant(one)));
    const words = wanted.flatMap((one) => one.terms).filter((one) => !asked.length || !STOP.has(one));
    const missing = asked.filter((_, at) => !wanted[at].terms.length);
    const tried = words.length && !(missing.length && words.every((one) => ASKING.has(one))) ? variants(typed, words) : [];
    tried.forEach((one) => { one.bare = one.terms.map(stem); });
    const better = (a, b) => b.share - a.share || b.points - a.points;
    const scored = index.map((entry, at) => tried.map((one) => ({ entry, terms: one.terms, ...score(entry, at, one) })).sort(better)[0]);
    const found = scored.filter((hit) => hit?.points).sort(better);
    const share = found[0]?.share;
    const notes = [];
    if (found.length && wanted.some((one) => one.misspelt)) notes.push(`Showing results for ${words.join(" ")}.`);
    if (found.length && missing.length) notes.push(`Nothing here has ${missing.join(", ")}.`);
    if (share < 1) notes.push("No text has all these words. These have most of them.");
    return { found: found.filter((hit) => hit.share === share), note: notes.join(" ") };
  };

  // --- the list ---
  const piece = (words, terms) => {
    const marked = terms.map(stem);
    const first = Math.min(...marked.map((term) => words.toLowerCase().indexOf(term)).filter((at) => at >= 0), words.length);
    const from = first > 60 && first < words.length ? words.lastIndexOf(" ", first - 40) + 1 : 0;
    const shown = (from ? "… " : "") + words.slice(from, from + 180) + (words.length > from + 180 ? " …" : "");
    const span = document.createElement("span");
    const parts = shown.split(new RegExp(`((?:${marked.map(escaped).join("|")})[a-z]*)`, "i"));
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
    results.hidden = true;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
    chosen = -1;
  };

  const search = () => {
    const query = plain(input.value);
    close();
    if (query.length < 2) { $("#said").textContent = ""; return; }
    if (!index) prepare();
    if (worths.size > 50) worths.clear(); // else it would grow with each letter typed
    const { found, note } = find(query);
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
    $("#search-note").textContent = note;
    $("#search-note").hidden = !note;
    $("#said").textContent = found.length ? `${note} ${found.length} found`.trim() : "Nothing found";
    results.hidden = false;
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
      if (results.hidden) search();
      else if (hits.length) choose(chosen + step);
    } else if (event.key === "Enter") {
      event.preventDefault();
      go(chosen);
    } else if (event.key === "Escape") {
      input.value = "";
      search();
    }
  });
  results.addEventListener("mousedown", (event) => event.preventDefault()); // the field keeps the focus
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
