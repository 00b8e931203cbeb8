// Runs the ceremonies of passkeys: asks the site for a challenge, lets the browser answer it,
// and sends the answer. Each form with `data-passkey` says by its data which one.

async function post(address, body) {
  const headers = { "Content-Type": "application/json", Accept: "application/json" };
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
  const minutes = Math.ceil(Number(response.headers.get("Retry-After")) / 60);
  const advice = ` Wait ${minutes} ${minutes === 1 ? "minute" : "minutes"}, then try again.`;
  return reason.replace(/\.?$/, ".") + (minutes ? advice : "");
}

const ceremonies = {
  create(options) {
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
    return navigator.credentials.create({ publicKey });
  },
  get(options) {
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
    return navigator.credentials.get({ publicKey });
  },
};

// What browsers say is for developers.
const sentences = {
  NotAllowedError: "No passkey was used: it was cancelled, or it took too long.",
  InvalidStateError: "This device has a passkey for your account already.",
  SecurityError: "The browser allows no passkeys at this address: it needs https and a name, as http://localhost in development.",
};

async function run(form) {
  const { passkey, begin, next } = form.dataset;
  const { state, options } = await post(begin, {});
  const credential = await ceremonies[passkey](options).catch((error) => {
    throw new Error(sentences[error.name] ?? `The browser refused the passkey (${error.name}).`);
  });
  const fields = Object.fromEntries(new FormData(form));
  // Pages log in by a cookie.
  const kind = passkey === "get" ? { cookie: true } : {};
  const answer = { ...fields, ...kind, credential: JSON.stringify(credential.toJSON()) };
  const done = await post(`${begin}/${encodeURIComponent(state)}`, answer);
  // Recovery codes come with a first passkey.
  location.assign(done.next || next);
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
