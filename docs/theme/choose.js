/* The page of choices: what each answer changes, and the command that gives the answers.
   `make reference` writes CHOICES from the code. What the hook of the template refuses is an error
   here, in words for a form. */

const LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?";
const HOST = new RegExp(`^${LABEL}(?:\\.${LABEL})*$`);
const ORIGIN = /^(https?):\/\/(\[.*\]|[^:/]*)(?::([1-9][0-9]{0,4}))?$/;
const LOCAL = /^http:\/\/(?:localhost|127\.0\.0\.1)(?![^:/])/;
const MAIL = /^[\w!$'*+~-]+(?:\.[\w!$'*+~-]+)*@([a-z0-9-]+\.[a-z0-9.-]+)$/i;
const ADDRESS = /^(https:\/\/[A-Za-z0-9.:-]+)(?:[/?#](?:[\w.~:/?#@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*)?$/;
const FOLDER = /^[a-z][a-z0-9-]{0,48}[a-z0-9]$/;
const UNUSABLE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]|\p{Cs}|\p{NChar}/u;
const MOST = { project_name: 100, description: 300 }; // characters
const QUESTIONS = Object.fromEntries(CHOICES.questions.map((each) => [each.name, each]));
const TAKEN = new Set(CHOICES.taken.split(" "));
const isList = (name) => name in CHOICES.listed;
const split = (text) => text.split(/[,\s]+/).filter(Boolean);

/* Checks. */

function parsed(address) {
  try {
    return new URL(address);
  } catch {
    return { host: "", origin: "" };
  }
}

/* A browser reads a host that ends with a number as an IP address, or refuses it. */
function isHost(text) {
  if (/^\[|(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)$/.test(text)) return !text.startsWith("[::ffff:") && parsed(`https://${text}`).host === text;
  return text.length <= 253 && HOST.test(text);
}

function isOrigin(text, local = false) {
  const [, scheme, host = "", port = ""] = ORIGIN.exec(text) ?? [];
  const isSafe = scheme === "https" || (local && LOCAL.test(text));
  return isSafe && isHost(host) && port <= 65535 && port !== (scheme === "https" ? "443" : "80");
}

/* The origin in what somebody typed. A bare word is a keyword or a slip. */
function originIn(text) {
  if (!/\.|\/\/|localhost/.test(text)) return "";
  return parsed(text.replace(/^(?:\w+:\/\/)?/, LOCAL.test(text) ? "http://" : "https://")).origin;
}

function problemOfSites(name, sites) {
  const isGood = (site) => isOrigin(site, name !== "csp_sources");
  if (sites.every(isGood)) return "";
  if (sites.includes("*")) return "This lets in every site, an attacker's too. Name each site, such as https://app.example.com";
  const meant = sites.map((site) => (isGood(site) ? site : originIn(site)));
  const unclear = sites.find((_, place) => !isGood(meant[place]));
  return unclear ? `“${unclear}” cannot be used. Write a site as https://app.example.com` : `Write ${meant.join(", ")}`;
}

function problemOfFolder(text) {
  if (!FOLDER.test(text)) {
    const near = `my-${folderOf(text)}`;
    return `Write 2 to 50 lower-case letters, digits and hyphens, the first a letter, such as ${FOLDER.test(near) ? near : "harbour-log"}`;
  }
  return TAKEN.has(text.replace(/-+/g, "_")) ? `Python or the project uses this name. Write another, such as my-${text}` : "";
}

function problemOfContact(text) {
  const [[, host = ""], [, origin = ""]] = [MAIL.exec(text) ?? [], ADDRESS.exec(text) ?? []].map((found) => found.length ? found : [""]);
  const isGood = isHost(host.toLowerCase()) || isOrigin(origin.toLowerCase());
  return isGood ? "" : "Write an address such as you@example.org, or one that begins with https://";
}

/* What is wrong with an answer, or nothing. */
function problem(name, text) {
  if (isList(name)) return problemOfSites(name, split(text));
  if (name === "project_slug") return problemOfFolder(text);
  if (name === "security_contact") return problemOfContact(text);
  if (name === "project_name" && !/[^\p{C}\p{Z}]/u.test(text)) return "Write a name that people can see";
  if (UNUSABLE.test(text)) return "Write one line, without control characters";
  return [...text].length > (MOST[name] ?? Infinity) ? `Write at most ${MOST[name]} characters` : "";
}

/* The problems by their fields. */
function allProblems(answers) {
  const asked = { ...answers, project_slug: answers.project_slug || folderOf(answers.project_name) };
  const found = CHOICES.questions.filter(({ choices }) => !choices).map(({ name }) => [name, problem(name, asked[name])]);
  const lacks = answers.framing === "allowlist" && !split(answers.frame_ancestors).length;
  if (lacks) found.push(["frame_ancestors", "Name a site, or choose another answer above"]);
  return Object.fromEntries(found.filter(([, sentence]) => sentence));
}

/* The folder that a name gives; nothing where a letter has no counterpart in ASCII. */
function folderOf(name) {
  const plain = name.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  if (/(?!\p{ASCII})[\p{L}\p{N}]/u.test(plain)) return "";
  return plain.replace(/[^a-z0-9]+/g, "-").replace(/^-/, "").slice(0, 50).replace(/-$/, "");
}

/* The command. */

const quote = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'"'"'`)}'`);

/* cookiecutter evaluates such marks in what it gets by --no-input. */
const withoutMarks = (text) => text.replace(/\{(?=[%#{])|#(?= cookiecutter:)/g, (mark) => `{{'${mark}'}}`);

/* cookiecutter may make another folder of a name, so the command gives the one that was checked. */
function given(typed, change) {
  const isNamed = typed.project_name !== defaultOf("project_name");
  const answers = { ...typed, project_slug: typed.project_slug || (isNamed ? folderOf(typed.project_name) : "") };
  const chosen = CHOICES.questions.filter(({ name }) => answers[name] !== defaultOf(name));
  return chosen.map(({ name }) => quote(`${name}=${change(isList(name) ? split(answers[name]).join(",") : answers[name])}`));
}

function command(answers, inClone) {
  if (!inClone) return ["uvx cookiecutter", `gh:${CHOICES.source}`, "--no-input", ...given(answers, withoutMarks)].join(" ");
  const pairs = given(answers, (text) => text).join(" ");
  return pairs ? `make new ANSWERS=${quote(pairs.replaceAll("$", "$$$$"))}` : "make new";
}

/* What the answers change. */

const defaultOf = (name) => (QUESTIONS[name].choices ? Object.keys(QUESTIONS[name].choices)[0] : QUESTIONS[name].default);
const defaults = () => Object.fromEntries(CHOICES.questions.map(({ name }) => [name, defaultOf(name)]));

/* Production ignores http://localhost. */
const sites = (answers, name) => split(answers[name]).filter((origin) => origin.startsWith("https:"));

/* The answers as the tables of CHOICES know them. */
function stateOf(answers) {
  const state = { ...answers, security_contact: answers.security_contact === defaultOf("security_contact") ? "" : "named" };
  for (const name in CHOICES.listed) state[name] = sites(answers, name).length ? "named" : "";
  if (state.framing === "allowlist" && !state.frame_ancestors) state.framing = "deny";
  return state;
}

const lookUp = ({ by, values }, state) => values[by.map((name) => state[name]).join()];

/* A text of CHOICES with the reader's sites in place of those of the state. */
function filled(text, answers) {
  return Object.entries(CHOICES.listed).reduce((made, [name, origin]) => {
    const listed = [...new Set(sites(answers, name))];
    const shown = name === "cors_origins" ? listed.slice(0, 1) : listed;
    return made.replace(new RegExp(`"?${origin}"?`, "g"), (place) => shown.map((site) => place.replace(origin, site)).join(" "));
  }, text);
}

function linesOf(lines, answers) {
  const origins = Object.entries(CHOICES.listed);
  return lines.flatMap((line) => {
    const [name, origin] = origins.find(([, each]) => line.includes(each)) ?? [];
    return name ? [...new Set(split(answers[name]))].map((site) => line.replace(origin, site)) : [line];
  });
}

/* The page. */

const element = (name, properties, ...children) => {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
};

const code = (text) => element("code", { className: "literal" }, text);

/* Words with `code` in them. */
const prose = (text) => text.split("`").map((part, place) => (place % 2 ? code(part) : part));

const table = (rows) => element("table", {}, element("tbody", {}, ...rows));

function allowedRow(what, was, is) {
  const cell = element("td", { className: is }, is, ...(was === is ? [] : [` (was: ${was})`]));
  return element("tr", {}, element("th", { scope: "row" }, ...prose(what)), cell);
}

function allowed(answers) {
  const [before, now] = [stateOf(defaults()), stateOf(answers)];
  const changed = [];
  const folded = Object.entries(CHOICES.allowed).map(([title, rows]) => {
    const others = [];
    for (const [what, values] of Object.entries(rows)) {
      const [was, is] = [lookUp(values, before), lookUp(values, now)];
      (was === is ? others : changed).push(allowedRow(what, was, is));
    }
    const id = `others-${title.replaceAll(" ", "-")}`;
    return element("details", { id, open: document.getElementById(id)?.open }, element("summary", {}, `${title}: ${others.length} things that your answers leave as they are`), table(others));
  });
  return [element("p", {}, ...prose(CHOICES.terms)), ...(changed.length ? [table(changed)] : []), ...folded];
}

/* The parts of one value that the other does not have. */
const partsWithout = (value, other) => {
  const [parts, others] = [value, other].map((each) => each.split("; "));
  return parts.filter((part) => !others.includes(part)).join("; ");
};

function changedHeaders(answers) {
  const [before, now] = [stateOf(defaults()), stateOf(answers)];
  const rows = Object.entries(CHOICES.headers).flatMap(([name, values]) => {
    const [was, is] = [lookUp(values, before), filled(lookUp(values, now), answers)];
    if (was === is) return [];
    const changes = was ? [["was", was, is], ["is", is, was]] : [["new", is, ""]];
    const parts = changes.map(([when, value, other]) =>
      element("p", {}, `${when} → `, ...(value ? [code(partsWithout(value, other) || "…")] : ["not sent"])));
    return [element("dt", {}, code(name)), element("dd", {}, ...parts)];
  });
  return rows.length ? [element("dl", {}, ...rows)] : ["None."];
}

function changedFiles(answers) {
  const state = stateOf(answers);
  const texts = {};
  if (answers.framing === "allowlist" && split(answers.frame_ancestors).length) state.framing = "allowlist";
  for (const name in CHOICES.listed) state[name] = split(answers[name]).length ? "named" : "";
  for (const [name, value] of Object.entries(state)) {
    for (const [file, lines] of Object.entries(CHOICES.files[`${name}=${value}`] ?? {})) (texts[file] ??= []).push(...linesOf(lines, answers));
  }
  const parts = Object.entries(texts).map(([file, lines]) => (lines.length
    ? element("details", { open: file === "app/policy.py" }, element("summary", {}, code(file)), element("pre", { tabIndex: 0 }, [...new Set(lines)].join("\n")))
    : element("p", {}, "new: ", code(file))));
  return parts.length ? parts : ["None."];
}

function needed(answers) {
  const state = stateOf(answers);
  const now = Object.entries(CHOICES.needs).filter(([, values]) => lookUp(values, state));
  return [element("ul", {}, ...now.map(([sentence]) => element("li", {}, ...prose(sentence))))];
}

const RESULTS = {
  "What a page may do": allowed,
  "Headers that change, in production over https": changedHeaders,
  "Files and lines that come or go": changedFiles,
  "What production then needs": needed,
};

/* What stands above a question. */
const GROUPS = { project_name: "Project", csp: "Policy", csp_sources: "Other sites", token_type: "Accounts", where: "The command" };

function radios({ name, prompt, choices }) {
  const buttons = Object.entries(choices).map(([choice, words], place) => element("label", {},
    element("input", { type: "radio", name, value: choice, defaultChecked: !place }), element("span", {}, code(choice), `: ${words}`)));
  return element("fieldset", {}, element("legend", {}, prompt), ...buttons);
}

function hint(name) {
  const link = element("a", { href: "how-to/pages-and-scripts.html" }, "Pages and scripts");
  return name === "csp_sources" ? ["Only images? Leave it empty, and see ", link] : [];
}

function field(question) {
  const { name, prompt } = question;
  const input = element("input", { name, id: `choose-${name}`, defaultValue: question.default, autocomplete: "off", spellcheck: false });
  input.setAttribute("aria-describedby", `error-${name} hint-${name}`);
  return element("p", { id: `ask-${name}` }, element("label", { htmlFor: input.id }, prompt.replace("; Enter for none", "")), input,
    element("span", { id: `error-${name}`, className: "error" }), element("span", { id: `hint-${name}` }, ...hint(name)));
}

const WHERE = {
  name: "where", prompt: "Where do you run the command?",
  choices: { anywhere: "needs only uv", clone: "in a clone of the template, which asks again with your answers" },
};

function asked(question) {
  const title = GROUPS[question.name];
  return [...(title ? [element("h3", {}, title)] : []), question.choices ? radios(question) : field(question)];
}

function answersOf(form) {
  const answers = Object.fromEntries(new FormData(form));
  return answers.framing === "allowlist" ? answers : { ...answers, frame_ancestors: "" };
}

function markFields(form, answers, found) {
  form.querySelector("#ask-frame_ancestors").hidden = answers.framing !== "allowlist";
  form.elements.project_slug.placeholder = folderOf(answers.project_name);
  for (const input of form.querySelectorAll("[id^=choose-]")) {
    input.setAttribute("aria-invalid", input.name in found);
    form.querySelector(`#error-${input.name}`).textContent = found[input.name] ?? "";
  }
}

/* The command, or why there is none. `copy.js` makes the button. */
function outcome(answers, found) {
  if (Object.keys(found).length) return [element("p", {}, "Correct the marked answers first.")];
  const inClone = answers.where === "clone";
  const pre = element("pre", { id: "command", tabIndex: 0 }, command(answers, inClone));
  const block = element("div", { className: "highlight" }, pre);
  if (navigator.clipboard) addButton(pre);
  const [owner] = CHOICES.source.split("/");
  // GitHub allows no name with an underscore.
  const isPlaceholder = !inClone && owner.includes("_");
  return [block, ...(isPlaceholder ? [element("p", {}, ...prose(`Replace \`${owner}\` by the owner of the template's repository.`))] : [])];
}

function start() {
  const form = element("form", {}, ...[...CHOICES.questions, WHERE].flatMap(asked));
  const said = element("div", { role: "status" });
  const results = element("div", { id: "choose-results" });
  const show = () => {
    const answers = answersOf(form);
    const found = allProblems(answers);
    markFields(form, answers, found);
    said.replaceChildren(...outcome(answers, found));
    if (!Object.keys(found).length) results.replaceChildren(...Object.entries(RESULTS).flatMap(([title, parts]) => [element("h3", {}, title), ...parts(answers)]));
  };
  form.addEventListener("input", show);
  form.addEventListener("submit", (event) => event.preventDefault());
  document.getElementById("chooser").append(form, said, results);
  show();
}

if (document.getElementById("chooser")) start();
