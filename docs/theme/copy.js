/* A button on each block of code copies what a reader types: of a session in a terminal, the
   commands without their prompts and without what they print. */
"use strict";

// A command goes on after a backslash, or up to the last line of a here-document.
const COMMAND = /^(?:[$#]|>>>|\.\.\.)(?: |$)(.*<<(\w+)\n[^]*?\n\2$|(?:.*\\\n)*.*)/gm;

function typed(code) {
  const isSession = code.parentElement.closest(".highlight-console") || /^(?:\$|>>>) /.test(code.textContent);
  const commands = isSession ? [...code.textContent.matchAll(COMMAND)].map(([, command]) => command) : [];
  return commands.join("\n") || code.textContent.trimEnd();
}

function addButton(code) {
  const button = Object.assign(document.createElement("button"), {
    className: "copy", type: "button", textContent: "Copy", ariaLive: "polite" });
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(typed(code));
    button.textContent = "Copied";
  });
  button.addEventListener("blur", () => { button.textContent = "Copy"; });
  code.before(button);
}

// Browsers have no clipboard for pages over http.
if (navigator.clipboard) document.querySelectorAll(".highlight > pre").forEach(addButton);
