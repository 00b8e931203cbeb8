const find = (id) => document.getElementById(id);
const form = find("login");
const { username, password } = form.elements;

// Only in memory: an injected script could read it from the browser's storage at any later time.
let token = null;
let busy = false;

// Requests

async function call(method, path, body) {
  const headers = {};
  if (token) headers.Authorization = `Bearer ${token}`;
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
    const response = await call("POST", form.action, { username: username.value, password: password.value });
    token = (await response.json()).token;
  } catch (error) {
    markInvalid(error.status === 401);
    throw error;
  }
  await showAccount();
  find("account-heading").focus();
}

async function logOut() {
  await call("POST", form.dataset.logout).catch(ignoreEndedLogin);
  showLogin();
  say("You are logged out.");
  username.focus();
}

function ignoreEndedLogin(error) {
  if (error.status !== 401) throw error;
}

async function showAccount() {
  const user = await (await call("GET", form.dataset.me)).json();
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
  find("login-status").className = `message ${kind}`;
}

// A second click during a request would count as a second login attempt.
async function once(progress, action) {
  if (busy) return;
  busy = true;
  say(progress);
  await action().catch((error) => say(error.message, "error"));
  busy = false;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  once("Logging in…", logIn);
});
find("logout").addEventListener("click", () => once("Logging out…", logOut));
