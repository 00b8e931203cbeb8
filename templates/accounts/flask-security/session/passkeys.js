// Runs the ceremonies of passkeys: asks the site for a challenge, lets the browser answer it,
// and sends the answer. Each form with `data-passkey` says by its data which one.

const csrfToken = document.getElementById("csrf-token")?.content.textContent;

async function post(address, body) {
  const headers = { "Content-Type": "application/json", Accept: "application/json" };
  if (csrfToken) headers["X-CSRF-Token"] = csrfToken;
  const options = { method: "POST", headers, body: JSON.stringify(body), cache: "no-store" };
  const response = await fetch(address, options).catch(() => {
    throw new Error("The site could not be reached. Check the connection and try again.");
  });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(explain(response, answer));
  return answer;
}

function explain(response, { error, fields }) {
  const reason = Object.values(fields ?? {})[0] ?? error ?? `The site returned the error ${response.status}`;
  const seconds = Number(response.headers.get("Retry-After"));
  const advice = ` Wait ${seconds} ${seconds === 1 ? "second" : "seconds"}, then try again.`;
  return reason.replace(/\.?$/, ".") + (seconds ? advice : "");
}

async function create(options) {
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
  return navigator.credentials.create({ publicKey });
}

async function get(options) {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
  return navigator.credentials.get({ publicKey });
}

const ceremonies = { create, get };

// What browsers say is for developers.
const sentences = {
  NotAllowedError: "No passkey was used: it was cancelled, or it took too long.",
  InvalidStateError: "This device has a passkey for your account already.",
  SecurityError: "The browser allows no passkeys at this address: it needs https and a name, as http://localhost in development.",
};

async function run(form) {
  const { passkey, begin, body, next } = form.dataset;
  const sent = body ? JSON.parse(body) : Object.fromEntries(new FormData(form));
  const { credential_options: options, wan_state: state } = await post(begin, sent);
  const credential = await ceremonies[passkey](options).catch((error) => {
    throw new Error(sentences[error.name] ?? `The browser refused the passkey (${error.name}).`);
  });
  await post(`${begin}/${encodeURIComponent(state)}`, { credential: JSON.stringify(credential.toJSON()) });
  location.assign(next);
}

function say(form, text, kind = "") {
  const status = form.querySelector("[role=status]");
  status.textContent = text;
  status.className = `message ${kind}`;
}

// A second click during a ceremony would end the first one.
function start(form) {
  let busy = false;
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (busy) return;
    busy = true;
    say(form, "Follow your browser…");
    await run(form).catch((error) => say(form, error.message, "error"));
    busy = false;
  });
}

const supported = window.PublicKeyCredential?.parseCreationOptionsFromJSON;

for (const form of document.querySelectorAll("form[data-passkey]")) {
  start(form);
  if (!supported) {
    for (const field of form.elements) field.disabled = true;
    say(form, "This browser is too old for passkeys, or the page is not open over https.");
  }
}
