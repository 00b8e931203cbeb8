const find = (id) => document.getElementById(id);
const form = find("login");
const { username, password } = form.elements;
const { tokenHeader, tokenPrefix } = document.querySelector("main").dataset;

// Only in memory: an injected script could read it from the browser's storage at any later time.
let token = find("csrf-token")?.content.textContent ?? null;
let busy = false;

// Requests

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
  const body = await response.json().catch(() => null);
  const reason = body?.error ?? `The site returned the error ${response.status}`;
  const seconds = Number(response.headers.get("Retry-After"));
  const advice = ` Wait ${seconds} ${seconds === 1 ? "second" : "seconds"}, then try again.`;
  return reason.replace(/\.?$/, ".") + (seconds ? advice : "");
}

// Logging in and out

async function logIn() {
  markInvalid(false);
  try {
    const response = await call("POST", "/login", { username: username.value, password: password.value });
    token = (await response.json()).token;
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

// A second click during a request would count as a second login attempt.
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
  const listener = new AbortController();
  const finish = (...result) => {
    listener.abort();
    script.remove();
    showResult(...result);
  };
  delete page.dataset.injected;
  showResult("", "Trying…");
  document.addEventListener("securitypolicyviolation", (event) => {
    // A report-only policy fires this event too, but does not block the script.
    const ours = ["inline", "trusted-types-sink"].includes(event.blockedURI);
    if (!ours || event.disposition !== "enforce") return;
    finish("good", "Blocked. The script did not run.", describe(event));
  }, { signal: listener.signal });
  try {
    script.append(document.createTextNode('document.documentElement.dataset.injected = "ran"'));
    document.body.append(script);
  } catch {
    // Trusted Types throw here, and the event still fires.
  }
  if (page.dataset.injected) finish("error", "It ran: this page is not protected.");
}

function describe({ effectiveDirective, blockedURI, originalPolicy }) {
  // A missing script-src-elem falls back to script-src, and that to default-src.
  const names = [effectiveDirective, effectiveDirective.replace("-elem", ""), "default-src"];
  const directives = originalPolicy.split(/; */);
  const excerpt = names.map((name) => directives.find((one) => one.split(" ")[0] === name)).find(Boolean);
  return {
    Directive: effectiveDirective,
    Blocked: blockedURI,
    // Browsers hide the nonce from injected code, so this text hides it too.
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
