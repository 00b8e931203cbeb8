// What a page's own script tries: true where it worked.
const page = document;
const red = (id) => getComputedStyle(page.getElementById(id)).color === "rgb(255, 0, 0)";
const add = (tag, properties) => {
  const element = Object.assign(page.createElement(tag), properties);
  page.body.append(element);
  return element;
};
const loads = (tag, properties) => new Promise((resolve) => {
  const events = { onload: () => resolve(true), onerror: () => resolve(false) };
  try {
    add(tag, { ...events, ...properties });
  } catch {
    resolve(false);
  }
});
const paragraph = (id) => add("p", { id });
const blob = (text, type) => URL.createObjectURL(new Blob([text], { type }));
const SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="7" height="7"/>';
const answers = (worker) => new Promise((resolve) => {
  worker.onmessage = () => resolve(true);
  worker.onerror = () => resolve(false);
});

const features = {
  "an inline script with the nonce": () => true,
  "an inline style with the nonce": () => red("nonce"),
  "a style attribute": () => red("attribute"),
  "a style that a script sets": () => {
    const element = paragraph("set");
    element.style.color = "red";
    return red("set");
  },
  "an inline style that a script adds": () => {
    paragraph("added");
    add("style", { textContent: "#added {color: red}" });
    return red("added");
  },
  "an own stylesheet": async () => {
    paragraph("own");
    await loads("link", { rel: "stylesheet", href: "/style.css" });
    return red("own");
  },
  "a stylesheet of another site": async () => {
    paragraph("other");
    await loads("link", { rel: "stylesheet", href: "ELSEWHERE/style.css" });
    return red("other");
  },
  "an own image": () => loads("img", { src: "/tile.svg" }),
  "a data: image": () => loads("img", { src: `data:image/svg+xml,${encodeURIComponent(SVG)}` }),
  "a blob: image": () => loads("img", { src: blob(SVG, "image/svg+xml") }),
  "an image of another https site": () => loads("img", { src: "ELSEWHERE/tile.svg" }),
  "an own script with the nonce": () => loads("script", { nonce: "NONCE", src: "/script.js" }),
  "an own script without the nonce": () => loads("script", { src: "/script.js" }),
  "a script that is declared as text": () => loads("script", { nonce: "NONCE", src: "/plain.txt" }),
  "import() of an own module": async () => (await import("/module.js")).one === 1,
  "an event attribute that a script sets": () => {
    const button = add("button", {});
    button.setAttribute("onclick", "this.textContent = 'ran'");
    button.click();
    return button.textContent === "ran";
  },
  "eval": () => (0, eval)("1") === 1,
  "WebAssembly": async () => {
    await WebAssembly.compile(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]));
    return true;
  },
  "innerHTML": () => {
    const element = add("p", {});
    element.innerHTML = "<b>text</b>";
    return element.firstChild !== null;
  },
  "a fetch of the own site": async () => (await fetch("/healthz")).ok,
  "a fetch of another site": async () => Boolean(await fetch("ELSEWHERE/", { mode: "no-cors" })),
  "a worker of an own file": () => answers(new Worker("/answering-worker.js")),
  "a worker of a blob: address": () => answers(new Worker(blob("postMessage(1)", "text/javascript"))),
  "memory that workers share (`crossOriginIsolated`)": () => crossOriginIsolated,
  "a process of its own (`originAgentCluster`)": () => Boolean(globalThis.originAgentCluster),
  "a service worker": async () => Boolean(await navigator.serviceWorker.register("/service-worker.js")),
};

(async () => {
  const found = {};
  for (const [name, tried] of Object.entries(features)) {
    try {
      found[name] = await tried() ? "works" : "stopped";
    } catch {
      found[name] = "stopped";
    }
  }
  globalThis.found = found;
})();
