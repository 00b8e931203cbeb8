/* The page of choices: what each answer changes, and the command that gives the answers.
   `make reference` writes CHOICES from the code. Only the plain shape of an answer is checked here:
   the hook of the template knows the rest, and refuses it with a command that works. */

const LABEL = "[a-z0-9](?:[a-z0-9-]*[a-z0-9])?";
const HOST = `(?:${LABEL}(?:\\.${LABEL})*|\\[[0-9a-f:.]+\\])`;
const ORIGIN = new RegExp(`^https://${HOST}(?::[1-9][0-9]{0,4})?$`);
const LOCAL = /^http:\/\/(?:localhost|127\.0\.0\.1)(?::[1-9][0-9]{0,4})?$/;
const UNUSABLE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]|\p{Cs}/u;
const SHAPES = {
  project_name: /\S/,
  project_slug: /^(?:[a-z][a-z0-9-]{0,48}[a-z0-9])?$/,
  security_contact: /^(?:\S+@\S+\.\S+|https:\/\/\S+)$/,
};
const MOST = { project_name: 100, description: 300 }; // characters
const QUESTIONS = Object.fromEntries(CHOICES.questions.map((each) => [each.name, each]));
const isList = (name) => name in CHOICES.listed;
const split = (text) => text.split(/[,\s]+/).filter(Boolean);

/* Checks. */

function originKind(name, text) {
  if (text === "*") return "star";
  return ORIGIN.test(text) || (name !== "csp_sources" && LOCAL.test(text)) ? "" : "shape";
}

function textKind(name, text) {
  if (SHAPES[name] && !SHAPES[name].test(text)) return "shape";
  if (UNUSABLE.test(text)) return "unusable";
  return [...text].length > (MOST[name] ?? Infinity) ? "long" : "";
}

/* The sentences of the hook for what is wrong with an answer. */
function problems(name, answer) {
  const { refused } = QUESTIONS[name];
  const kindOf = isList(name) ? originKind : textKind;
  return (isList(name) ? split(answer) : [answer]).flatMap((text) => {
    const kind = kindOf(name, text);
    const shown = text.length > 98 ? `${text.slice(0, 96)}...` : `${text}'`;
    return kind ? [(refused[kind] ?? refused.shape).replace("VALUE'", () => shown)] : [];
  });
}

function allProblems(answers) {
  const found = CHOICES.questions.filter(({ refused }) => refused).flatMap(({ name }) => problems(name, answers[name]));
  const lacks = answers.framing === "allowlist" && !split(answers.frame_ancestors).length;
  return lacks ? [...found, CHOICES.clash] : found;
}

/* The command. */

const quote = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'"'"'`)}'`);

/* cookiecutter evaluates such marks in what it gets by --no-input. */
const withoutMarks = (text) => text.replace(/\{(?=[%#{])|#(?= cookiecutter:)/g, (mark) => `{{'${mark}'}}`);

function given(answers, change) {
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

/* Words with `code` in them. */
const prose = (text) => text.split("`").map((part, place) => (place % 2 ? element("code", {}, part) : part));

const table = (caption, rows) => element("table", {}, element("caption", {}, caption), element("tbody", {}, ...rows));

function allowedRow(what, values, now) {
  const [was, is] = [stateOf(defaults()), now].map((state) => lookUp(values, state));
  const cell = element("td", { className: is }, is, ...(was === is ? [] : [` (was: ${was})`]));
  return element("tr", { className: was === is ? "" : "changed" }, element("th", { scope: "row" }, ...prose(what)), cell);
}

function allowedTables(answers) {
  const now = stateOf(answers);
  return Object.entries(CHOICES.allowed).map(([title, rows]) =>
    table(title, Object.entries(rows).map(([what, values]) => allowedRow(what, values, now))));
}

function changedHeaders(answers) {
  const [before, now] = [stateOf(defaults()), stateOf(answers)];
  const rows = Object.entries(CHOICES.headers).flatMap(([name, values]) => {
    const [was, is] = [lookUp(values, before), filled(lookUp(values, now), answers)];
    if (was === is) return [];
    const parts = [["was", was], ["is", is]].map(([when, value]) => element("p", {}, `${when} → `, element("code", {}, value || "not sent")));
    return [element("dt", {}, element("code", {}, name)), element("dd", {}, ...parts)];
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
    ? element("details", { open: file === "app/policy.py" }, element("summary", {}, element("code", {}, file)), element("pre", { tabIndex: 0 }, lines.join("\n")))
    : element("p", {}, "new: ", element("code", {}, file))));
  return parts.length ? parts : ["None."];
}

function needed(answers) {
  const state = stateOf(answers);
  const now = Object.entries(CHOICES.needs).filter(([, values]) => lookUp(values, state));
  return [element("ul", {}, ...now.map(([sentence]) => element("li", {}, ...prose(sentence))))];
}

const RESULTS = {
  "What a page may do": allowedTables,
  "Headers that change": changedHeaders,
  "Files and lines that come or go": changedFiles,
  "What production then needs": needed,
};

function radios({ name, prompt, choices }) {
  const buttons = Object.entries(choices).map(([choice, words], place) => element("label", {},
    element("input", { type: "radio", name, value: choice, defaultChecked: !place }), " ", element("code", {}, choice), ` ${words}`));
  return element("fieldset", {}, element("legend", {}, prompt), ...buttons);
}

function field(question) {
  if (question.choices) return radios(question);
  const { name, prompt } = question;
  const input = element("input", { name, id: `choose-${name}`, defaultValue: question.default, autocomplete: "off", spellcheck: false });
  return element("p", { id: `ask-${name}` }, element("label", { htmlFor: input.id }, prompt.replace("; Enter for none", "")), input);
}

const WHERE = {
  name: "where", prompt: "Where do you run the command?",
  choices: { anywhere: "needs only uv", clone: "in a clone of the template, which asks again with your answers" },
};

function answersOf(form) {
  const answers = Object.fromEntries(new FormData(form));
  return answers.framing === "allowlist" ? answers : { ...answers, frame_ancestors: "" };
}

function markFields(form, answers) {
  form.querySelector("#ask-frame_ancestors").hidden = answers.framing !== "allowlist";
  for (const input of form.querySelectorAll("[id^=choose-]")) {
    const isLacking = input.name === "frame_ancestors" && answers.framing === "allowlist" && !split(input.value).length;
    input.setAttribute("aria-invalid", isLacking || problems(input.name, answers[input.name]).length > 0);
  }
}

function copyButton(text) {
  const copy = async ({ currentTarget }) => {
    await navigator.clipboard.writeText(text);
    currentTarget.textContent = "Copied";
  };
  return element("button", { type: "button", onclick: copy }, "Copy");
}

/* The command, or why there is none. */
function outcome(answers, inClone) {
  const found = allProblems(answers);
  if (found.length) return [element("p", {}, "These answers cannot be used:"), element("ul", {}, ...found.map((each) => element("li", {}, each)))];
  const text = command(answers, inClone);
  return [element("pre", { id: "command", tabIndex: 0 }, text), ...(navigator.clipboard ? [copyButton(text)] : [])];
}

function start() {
  const form = element("form", {}, ...[...CHOICES.questions, WHERE].map(field));
  const said = element("div", { id: "choose-says", role: "status" });
  const results = element("div", { id: "choose-results" });
  const show = () => {
    const answers = answersOf(form);
    markFields(form, answers);
    said.replaceChildren(...outcome(answers, answers.where === "clone"));
    results.replaceChildren(...Object.entries(RESULTS).flatMap(([title, parts]) => [element("h3", {}, title), ...parts(answers)]));
  };
  form.addEventListener("input", show);
  form.addEventListener("submit", (event) => event.preventDefault());
  document.getElementById("chooser").append(form, element("h3", {}, "The command"), said, results);
  show();
}

if (document.getElementById("chooser")) start();
