const find = (id) => document.getElementById(id);

// What protects this page

async function showHeaders() {
  const { headers } = await fetch(location.pathname, { method: "HEAD", cache: "no-store" });
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

find("try-attack").addEventListener("click", tryAttack);
showHeaders().catch(() => countHeaders("The site could not be reached. Load the page again."));
