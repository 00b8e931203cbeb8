// Buttons that show the password in the field before them. Without this script they stay hidden.

for (const button of document.querySelectorAll("[data-show]")) {
  const field = button.previousElementSibling;
  const show = (shown) => {
    field.type = shown ? "text" : "password";
    button.setAttribute("aria-pressed", shown);
  };
  button.hidden = false;
  button.addEventListener("click", () => show(field.type === "password"));
  // Browsers keep what was sent from a field of text, and offer it again.
  field.form?.addEventListener("submit", () => show(false));
}
