// Times in the reader's zone as "2 hours ago", and buttons that copy and print. Without this
// script times are in UTC, and what is shown once is selected by hand.

const language = document.documentElement.lang || undefined;
const units = Object.entries({ day: 86400, hour: 3600, minute: 60 });

function showTime(time) {
  const exact = new Date(time.dateTime);
  const seconds = (exact - Date.now()) / 1000;
  const [unit, size] = units.find(([, size]) => Math.abs(seconds) >= size) ?? ["second", Infinity];
  // "now" for 0 seconds, but "1 day ago", since 30 hours ago may be the day before yesterday.
  const format = new Intl.RelativeTimeFormat(language, { numeric: unit === "second" ? "auto" : "always" });
  time.textContent = format.format(Math.round(seconds / size), unit);
  time.title = exact.toLocaleString(language, { dateStyle: "long", timeStyle: "short" });
}

async function copy(button) {
  const source = document.getElementById(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(source.value ?? source.innerText);
    button.nextElementSibling.textContent = button.dataset.copied;
  } catch {
    // The browser allows no script to copy: people press its own keys for it.
    getSelection().selectAllChildren(source);
  }
}

document.querySelectorAll("time[datetime]").forEach(showTime);

for (const button of document.querySelectorAll("[data-copy], [data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => ("copy" in button.dataset ? copy(button) : print()));
}
