const find = (id) => document.getElementById(id);
const form = find("login");
const { username, password } = form.elements;
const { tokenHeader, tokenPrefix } = document.querySelector("main").dataset;

// Kept in memory alone: whatever is stored in the browser can be read by any
// script that ever gets into a page of this site.
let token = find("csrf-token")?.content.textContent ?? null;
let busy = false;

// Talking to the server

async function call(method, path, body) {
  const headers = {};
  if (token) headers[tokenHeader] = tokenPrefix + token;
  if (body) headers["Content-Type"] = "application/json";
  const options = { method, headers, credentials: "same-origin", cache: "no-store" };
  const response = await fetch(path, { ...options, body: body && JSON.stringify(body) }).catch(() => {
    throw new Error("The site could not be reached. Check the connection and try again.");
  });
  if (response.ok) return response;
  throw Object.assign(new Error(await explain(response)), { status: response.status });
}

async function explain(response) {
  const answer = await response.json().catch(() => null);
  const reason = answer?.error ?? `The site answered with error ${response.status}`;
  const seconds = Number(response.headers.get("Retry-After"));
  const advice = ` Wait ${seconds} ${seconds === 1 ? "second" : "seconds"}, then try again.`;
  return reason.replace(/\.?$/, ".") + (seconds ? advice : "");
}

// Logging in and out

async function logIn() {
  markInvalid(false);
  try {
    const answer = await call("POST", "/login", { username: username.value, password: password.value });
    token = (await answer.json()).token;
  } catch (error) {
    markInvalid(error.status === 401);
    throw error;
  }
  await showAccount();
  find("account-heading").focus();
}

async function logOut() {
  await call("POST", "/logout").catch(ignoreEndedLogin);
  showLogin();
  say("You are logged out.");
  username.focus();
}

async function resumeLogin() {
  await showAccount().catch((error) => {
    showLogin();
    ignoreEndedLogin(error);
  });
}

function ignoreEndedLogin(error) {
  if (error.status !== 401) throw error;
}

async function showAccount() {
  const user = await (await call("GET", "/me")).json();
  token = user.csrf_token ?? token;
  find("account-name").textContent = user.username;
  form.reset();
  form.hidden = true;
  find("account").hidden = false;
  say("");
}

function showLogin() {
  token = null;
  find("account").hidden = true;
  form.hidden = false;
}

function markInvalid(invalid) {
  for (const input of [username, password]) input.ariaInvalid = invalid ? "true" : null;
  if (invalid) password.select();
}

function say(text, kind = "") {
  find("login-status").textContent = text;
  find("login-status").className = kind;
}

// A second press while the first is under way would count as a second attempt.
async function once(progress, action) {
  if (busy) return;
  busy = true;
  say(progress);
  await action().catch((error) => say(error.message, "error"));
  busy = false;
}

// What protects this page

async function showHeaders() {
  const { headers } = await call("HEAD", location.pathname);
  const rows = [...document.querySelectorAll("#protections [data-header]")];
  for (const row of rows) {
    const sent = headers.get(row.dataset.header);
    row.dataset.sent = sent !== null;
    row.querySelector(".value").textContent =
      sent?.replace(/; */g, ";\n") ?? `Not sent here${row.dataset.whenAbsent}`;
  }
  const count = rows.filter((row) => headers.has(row.dataset.header)).length;
  countHeaders(`This site sent ${count} of these ${rows.length} headers just now.`);
}

function countHeaders(text) {
  find("protections-count").textContent = text;
}

// See an attack blocked

function tryAttack() {
  const page = document.documentElement;
  const script = document.createElement("script");
  const listening = new AbortController();
  const finish = (...result) => {
    listening.abort();
    script.remove();
    showResult(...result);
  };
  delete page.dataset.injected;
  showResult("", "Trying…");
  document.addEventListener("securitypolicyviolation", (event) => {
    // A policy that only reports raises the event too, and the script runs.
    const ours = ["inline", "trusted-types-sink"].includes(event.blockedURI);
    if (!ours || event.disposition !== "enforce") return;
    finish("good", "Blocked. The script did not run.", describe(event));
  }, { signal: listening.signal });
  try {
    script.append(document.createTextNode('document.documentElement.dataset.injected = "ran"'));
    document.body.append(script);
  } catch {
    // Where Trusted Types throw, the event follows all the same.
  }
  if (page.dataset.injected) finish("error", "It ran: this page is not protected.");
}

function describe({ effectiveDirective, blockedURI, originalPolicy }) {
  // script-src-elem, where a policy does not name it, falls back to script-src.
  const names = [effectiveDirective, effectiveDirective.replace("-elem", ""), "default-src"];
  const directives = originalPolicy.split(/; */);
  const excerpt = names.map((name) => directives.find((one) => one.split(" ")[0] === name)).find(Boolean);
  return {
    Directive: effectiveDirective,
    Blocked: blockedURI,
    // Browsers hide a page's nonce from whatever is injected; so does this text.
    Policy: (excerpt ?? originalPolicy).replace(/'nonce-[^']*'/g, "'nonce-…'"),
  };
}

function showResult(kind, sentence, facts = {}) {
  find("attack-result").className = kind;
  find("attack-result").replaceChildren(element("strong", sentence));
  for (const [name, value] of Object.entries(facts)) {
    find("attack-result").append(" ", element("span", name), " ", element("code", value));
  }
}

function element(tag, text) {
  return Object.assign(document.createElement(tag), { textContent: text });
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  once("Logging in…", logIn);
});
find("logout").addEventListener("click", () => once("Logging out…", logOut));
find("try-attack").addEventListener("click", tryAttack);
if (token) once("", resumeLogin);
showHeaders().catch((error) => countHeaders(error.message));
