// Runs the ceremonies of passkeys: asks the site for a challenge, lets the browser answer it,
// and sends the answer. Each form with `data-passkey` says by its data which one. With `data-field`
// the browser offers passkeys in that field too, without a button.

const AGAIN = 4 * 60 * 1000; // milliseconds, since a challenge lives for five minutes

async function post(address, body, signal) {
  const headers = { "Content-Type": "application/json", Accept: "application/json" };
  const options = { method: "POST", headers, body: JSON.stringify(body), cache: "no-store", signal };
  const response = await fetch(address, options).catch(() => {
    throw new Error("The site could not be reached. Check the connection and try again.");
  });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(explain(response, answer), { cause: answer });
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
  get(options, how) {
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
    return navigator.credentials.get({ publicKey, ...how });
  },
};

// What browsers say is for developers.
const sentences = {
  NotAllowedError: "No passkey was used: it was cancelled, or it took too long.",
  InvalidStateError: "This device has a passkey for your account already.",
  SecurityError: "The browser allows no passkeys at this address: it needs https and a name, as http://localhost in development.",
};

async function ask({ passkey, begin }, how = {}) {
  const { state, options } = await post(begin, {}, how.signal);
  const credential = await ceremonies[passkey](options, how).catch((error) => {
    throw new Error(sentences[error.name] ?? `The browser refused the passkey (${error.name}).`);
  });
  return { state, options, credential };
}

async function finish(form, { state, options, credential }) {
  const { passkey, begin, next, field } = form.dataset;
  const keep = Boolean(document.getElementById(field)?.form.elements.keep?.checked);
  // Pages log in by a cookie.
  const kind = passkey === "get" ? { cookie: true, keep } : {};
  const fields = Object.fromEntries(new FormData(form));
  const answer = { ...fields, ...kind, credential: JSON.stringify(credential.toJSON()) };
  const done = await post(`${begin}/${encodeURIComponent(state)}`, answer).catch(async (error) => {
    if (error.cause?.unknown === true) await signal("UnknownCredential", { rpId: options.rpId, credentialId: credential.id });
    throw error;
  });
  // Recovery codes come with a first passkey.
  location.assign(done.next || next);
}

// Tells the device which passkeys it may forget. Not every browser can.
async function signal(kind, details) {
  await window.PublicKeyCredential?.[`signal${kind}`]?.(details).catch(() => {});
}

function say(form, text, kind = "") {
  const status = form.querySelector("[role=status]");
  status.textContent = text;
  status.className = `message ${kind}`;
}

// A request that waits in a field until somebody chooses a passkey there.
function offer(form, field) {
  let waiting = null;
  let paused = false;

  async function begin() {
    if (waiting || paused) return;
    const mine = (waiting = new AbortController());
    const timer = setTimeout(renew, AGAIN);
    const asked = await ask(form.dataset, { mediation: "conditional", signal: mine.signal }).catch(() => null);
    clearTimeout(timer);
    if (waiting !== mine) return;
    if (!asked) {
      // Nobody pressed anything, so nothing is said. The next click in the field tries again.
      waiting = null;
      return;
    }
    await finish(form, asked).catch((error) => {
      say(form, error.message, "error");
      waiting = null;
      begin();
    });
  }

  function end() {
    waiting?.abort();
    waiting = null;
  }

  // A page that nobody looks at asks for nothing more.
  function renew() {
    end();
    if (document.hasFocus() && document.activeElement === field) begin();
  }

  async function listen() {
    if (!(await PublicKeyCredential.isConditionalMediationAvailable?.())) return;
    for (const event of ["focus", "click"]) field.addEventListener(event, begin);
    if (document.activeElement === field) begin();
  }

  // It would make the request of the button fail.
  function pause() {
    const waited = waiting !== null;
    paused = true;
    end();
    return () => {
      paused = false;
      if (waited) begin();
    };
  }

  listen();
  return pause;
}

// A second click during a ceremony would end the first one.
function start(form) {
  const field = document.getElementById(form.dataset.field);
  const pause = field ? offer(form, field) : () => () => {};
  let busy = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (busy) return;
    busy = true;
    const resume = pause();
    say(form, "Follow your browser…");
    await ask(form.dataset).then((asked) => finish(form, asked)).catch((error) => {
      say(form, error.message, "error");
      resume();
    });
    busy = false;
  });
}

const supported = window.PublicKeyCredential?.parseCreationOptionsFromJSON;

for (const form of document.querySelectorAll("form[data-passkey]")) {
  form.hidden = false;
  if (supported) {
    start(form);
  } else {
    for (const field of form.elements) field.disabled = true;
    say(form, "This browser is too old for passkeys, or the page is not open over https.");
  }
}

for (const { dataset } of document.querySelectorAll("[data-signals]")) {
  const { rpId, userId, name, displayName, allAcceptedCredentialIds } = JSON.parse(dataset.signals);
  signal("AllAcceptedCredentials", { rpId, userId, allAcceptedCredentialIds });
  signal("CurrentUserDetails", { rpId, userId, name, displayName });
}
