/* The search of the site. It finds sections: MiniSearch scores each word of a query by itself;
   then the share of the words that a section has decides, and rare words count more. */
"use strict";

// Words that say nothing of what is searched, unless a query has no others.
const COMMON = new Set((
  "a about after all also an and any are as at be been before but by can do does for from get has have how i if in into "
  + "is it its me my no not of on one or our so than that the their them then there these this to us use using via was "
  + "we what when where which who why will with without you your").split(" "));

// What people type, and the words of these pages for it.
const SYNONYMS = new Map(Object.entries({
  "log in": "login",
  "sign in": "login",
  "sign up": "register registration",
  "2fa": "factor totp",
  "mfa": "factor totp",
  "email": "mail",
  "k8s": "kubernetes",
  "postgres": "postgresql",
  "tenant": "owner",
  "healthcheck": "healthz",
  "iframe": "framing",
  "external": "another",
  "multiple": "several",
}));

const FIELDS = { heading: 4, searched: 4, path: 2, text: 1 };
// These pages matter to few.
const QUARTER = /^(?:decisions|asvs)\b/;
const MOST_HITS = 20;
const MOST_OF_A_PAGE = 2;
const EXCERPT = 180;

const stems = new Map();

/* "encrypt", "encrypted" and "encryption" have one stem. */
function stem(word) {
  if (!stems.has(word)) {
    const cut = word
      .replace(/^(.{3,}?)(?:at(?:e[ds]?|ing|ions?|ors?)|ions?|ings?|ments?|ies|ed|es|e|(?<=[^aeiou])y|(?<!s)s)$/, "$1")
      .replace(/([^\ds])\1$/, "$1");
    stems.set(word, cut);
  }
  return stems.get(word);
}

function split(text) {
  return text.toLowerCase().match(/[\p{L}\p{N}_]+/gu) ?? [];
}

/* "log_in" is found as a whole, and in a text by its parts too. */
function tokens(text, field) {
  const words = split(text);
  if (field === "heading") return words;
  return words.flatMap((word) => (word.includes("_") ? [word, ...word.split("_").filter(Boolean)] : word));
}

function indexOf(records) {
  const index = new MiniSearch({
    fields: Object.keys(FIELDS),
    tokenize: tokens,
    processTerm: (word) => (stem(word) === word ? word : [word, stem(word)]),
    searchOptions: { boost: FIELDS, processTerm: (word) => word, tokenize: (text) => text.split(" ") },
  });
  index.addAll(records.map(([, heading, path, searched, text], id) => (
    { id, heading, path: path.join(" "), searched, text })));
  return index;
}

/* All words in which two neighbouring letters are swapped. */
function swaps(word) {
  return [...word.slice(1)].map((letter, place) => (
    word.slice(0, place) + letter + word[place] + word.slice(place + 2)));
}

/* The score of each section that has this word. If none has, a slip of one letter is looked for. */
function scores(index, word) {
  const found = new Map();
  const add = (query, weight, options = {}) => {
    for (const { id, score, terms } of index.search(query, options)) {
      const before = found.get(id);
      found.set(id, { score: Math.max(before?.score ?? 0, score * weight), terms: [...(before?.terms ?? []), ...terms] });
    }
  };
  add(word, 1);
  const known = found.size > 0;
  for (const other of split(SYNONYMS.get(word) ?? "")) add(`${other} ${stem(other)}`, 0.8);
  add(stem(word), 0.8);
  if (word.length > 3) add(word, known ? 0.3 : 0.6, { prefix: true });
  if (word.length > 3 && !known) {
    add(word, 0.5, { fuzzy: 1 });
    add(swaps(word).join(" "), 0.5);
  }
  return found;
}

function wordsOf(query) {
  let text = query.toLowerCase();
  for (const [phrase, words] of SYNONYMS) {
    if (phrase.includes(" ")) text = text.replaceAll(phrase, split(words)[0]);
  }
  const all = [...new Set(split(text))];
  const telling = all.filter((word) => !COMMON.has(word));
  return telling.length ? telling : all;
}

/* For a search of phrases: the words alone, between spaces. */
const plain = (text) => ` ${split(text).join(" ")} `;

const pageOf = (record) => record[0].split("#")[0];

/* The sections that have words of the query, the best first. */
function find(index, records, plainRecords, query) {
  const words = wordsOf(query);
  const found = words.map((word) => scores(index, word));
  const weights = found.map(({ size }) => Math.log(1 + records.length / (size || 1)));
  const all = weights.reduce((sum, weight) => sum + weight, 0);
  const ofPages = new Map();
  const hits = new Map();
  found.forEach((sections, place) => {
    for (const [id, { score, terms }] of sections) {
      const page = pageOf(records[id]);
      const hit = hits.get(id) ?? { id, page, score: 0, words: new Set(), terms: new Set() };
      hit.score += score;
      hit.words.add(place);
      for (const term of terms) hit.terms.add(term);
      hits.set(id, hit);
      ofPages.set(page, (ofPages.get(page) ?? new Set()).add(place));
    }
  });
  const share = (places) => [...places].reduce((sum, place) => sum + weights[place], 0) / all;
  const phrase = plain(query);
  for (const hit of hits.values()) {
    // Words that only other sections of the page have count half.
    hit.share = (share(hit.words) + share(ofPages.get(hit.page))) / 2;
    hit.all = ofPages.get(hit.page).size === words.length;
    hit.rank = hit.score * hit.share ** 3;
    if (words.length > 1 && plainRecords[hit.id].includes(phrase)) hit.rank *= 2;
    if (QUARTER.test(hit.page)) hit.rank /= 4;
  }
  return [...hits.values()].sort((one, other) => other.rank - one.rank);
}

/* At most so many hits of one page: otherwise a long page hides all others. */
function fewOfEachPage(hits) {
  const ofPages = new Map();
  return hits.filter(({ page }) => {
    ofPages.set(page, (ofPages.get(page) ?? 0) + 1);
    return ofPages.get(page) <= MOST_OF_A_PAGE;
  });
}

const element = (name, properties, ...children) => {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
};

/* The part of a text with the most of these terms, and each of them marked. */
function excerpt(text, terms) {
  const isHit = (word) => tokens(word).some((part) => terms.has(part) || terms.has(stem(part)));
  const places = [...text.matchAll(/[\p{L}\p{N}_]+/gu)].filter(([word]) => isHit(word));
  const within = (start) => places.filter(({ index }) => index >= start && index < start + EXCERPT);
  const different = (start) => new Set(within(start).map(([word]) => stem(word.toLowerCase()))).size;
  const best = places.reduce((start, { index }) => (different(index) > different(start) ? index : start), places[0]?.index ?? 0);
  const start = best < 60 ? 0 : text.lastIndexOf(" ", best - 40) + 1;
  const parts = [start ? "… " : ""];
  let end = start;
  for (const { 0: word, index } of within(start)) {
    parts.push(text.slice(end, index), element("mark", {}, word));
    end = index + word.length;
  }
  const last = text.indexOf(" ", Math.max(end, start + EXCERPT));
  return [...parts, ...(last < 0 ? [text.slice(end)] : [text.slice(end, last), " …"])];
}

/* A page that begins with a heading is shown by what stands below that. */
const textOf = (id) => SEARCH_RECORDS.slice(id).find(([, , , , text]) => text)[4];

function item(id, terms) {
  const [address, heading, path] = SEARCH_RECORDS[id];
  const link = element("a", { href: address }, heading);
  const above = path.length ? [element("p", { className: "search-path" }, path.join(" › "))] : [];
  return element("li", {}, link, ...above, element("p", {}, ...excerpt(textOf(id), terms)));
}

function summary(query, hits) {
  if (!query.trim()) return "";
  if (!hits.length) return "No page has any of these words.";
  return hits.some(({ all }) => all) ? `The best first, for “${query}”.` : "No page has all words of this search. These have some:";
}

function start() {
  const index = indexOf(SEARCH_RECORDS);
  const plainRecords = SEARCH_RECORDS.map(([, heading, , searched, text]) => plain(`${heading} ${searched} ${text}`));
  const field = document.getElementById("search-field");
  const show = () => {
    const hits = fewOfEachPage(find(index, SEARCH_RECORDS, plainRecords, field.value)).slice(0, MOST_HITS);
    document.getElementById("search-says").textContent = summary(field.value, hits);
    document.getElementById("search-results").replaceChildren(
      ...hits.map(({ id, terms }) => item(id, terms)));
  };
  field.value = new URLSearchParams(location.search).get("q") ?? "";
  field.addEventListener("input", show);
  show();
}

start();
