// What the counter's pages do beyond links and forms: show progress, watch what is under way, scan, print.
// Without scripts all of it works by touching once more.

const busy = document.querySelector("[data-busy]");

// A form is sent once: its buttons rest until the answer is there, however often they are touched on a slow line.
addEventListener("offline", () => (busy.textContent = busy.dataset.offline));
addEventListener("online", () => (busy.textContent = ""));
addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  // Without a line nothing is sent: the browser would leave the page, and a reload there would send it unseen.
  if (!navigator.onLine) {
    event.preventDefault();
    busy.textContent = busy.dataset.offline;
    return;
  }
  form.dataset.sent = "1";
  busy.textContent = busy.dataset.text;
  setTimeout(() => (busy.textContent = busy.dataset.slow), 6000);
  // After the form has been read: a button that is resting is not sent with it.
  setTimeout(() => form.querySelectorAll("button").forEach((button) => (button.disabled = true)));
});

// Back by the browser's own button: the page is as it was.
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});

// A passkey: the browser is asked, and its answer sent with the form. The form shows only where browsers know passkeys.
async function passkey(form) {
  const asked = await (await fetch(form.dataset.ask, { cache: "no-store" })).json();
  const make = form.dataset.passkey === "create";
  const publicKey = make
    ? PublicKeyCredential.parseCreationOptionsFromJSON(asked.options)
    : PublicKeyCredential.parseRequestOptionsFromJSON(asked.options);
  const made = await (make ? navigator.credentials.create({ publicKey }) : navigator.credentials.get({ publicKey }));
  form.elements.ticket.value = asked.ticket;
  form.elements.passkey.value = JSON.stringify(made.toJSON());
}
const knows = "PublicKeyCredential" in window && "parseRequestOptionsFromJSON" in PublicKeyCredential;
for (const form of knows ? document.querySelectorAll("form[data-passkey]") : []) {
  form.hidden = false;
  document.querySelector("[data-no-passkey]")?.remove();
  form.addEventListener("submit", async (event) => {
    if (form.elements.passkey.value) return;
    event.preventDefault();
    event.stopPropagation();
    const fault = form.querySelector("[data-fault]");
    fault.hidden = true;
    try {
      await passkey(form);
    } catch {
      fault.hidden = false;
      return;
    }
    form.requestSubmit();
  });
}

// What is under way: shown as soon as it has changed. What a stream tells of is waited for there, the rest is looked at
// again, ever less often; so is all of it where the stream does not answer. None of it keeps anybody signed in.
let seconds = 1.5;

// Whether to look now: the stream answers at a change, or when its time is over. Its first answer comes at once, so that
// a line on which there is no stream costs a moment, and no half minute.
let heard = false;
async function changes(main) {
  if (!main.dataset.stream) return false;
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), heard ? 40000 : 3000);
  const address = `${main.dataset.stream}?seen=${encodeURIComponent(main.dataset.watch)}${heard ? "" : "&now"}`;
  try {
    const answer = await fetch(address, { credentials: "include", cache: "no-store", signal: patience.signal });
    heard = true;
    return answer.status < 300;
  } catch {
    heard = false;
    return false;
  } finally {
    clearTimeout(timer);
  }
}

async function look() {
  const main = document.querySelector("[data-watch]");
  if (!main) return;
  const told = await changes(main);
  try {
    const address = new URL(location.href);
    address.searchParams.set("unattended", "");
    const answer = await fetch(address, { cache: "no-store" });
    if (answer.status === 401) {
      location.reload();
      return;
    }
    const page = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("main");
    if (answer.ok && page && page.dataset.watch !== main.dataset.watch) {
      main.replaceWith(page);
      seconds = 1.5;
      offer();
      // Said aloud to who does not see it: the page itself was replaced, and no reader notices that.
      document.querySelector("[data-spoken]").textContent = page.querySelector("[data-says]")?.textContent ?? "";
    }
  } catch {
    // No line for a moment: look again.
  }
  seconds = told ? 0.2 : Math.min(Math.max(1, seconds) * 1.4, 15);
  setTimeout(look, seconds * 1000);
}
setTimeout(look, seconds * 1000);

// A tablet that lies there shows nobody's order: the page asks again who is there, unless somebody is typing.
const idle = Number(document.body.dataset.idle || 0);
let touched = Date.now();
for (const name of ["pointerdown", "keydown", "input"]) addEventListener(name, () => (touched = Date.now()));
if (idle) setInterval(() => Date.now() - touched > (idle + 5) * 1000 && location.reload(), 5000);

// A pairing code that was scanned stands behind the #, which no browser sends.
const pairing = document.querySelector("[data-pair]");
if (pairing && location.hash.length > 1) {
  pairing.elements.code.value = decodeURIComponent(location.hash.slice(1));
  history.replaceState(null, "", location.pathname);
}

async function scan(field) {
  const box = document.querySelector("[data-camera]");
  const video = box.querySelector("video");
  const detector = new BarcodeDetector();
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  } catch {
    field.focus();
    return;
  }
  box.hidden = false;
  video.srcObject = stream;
  await video.play();
  let stopped = false;
  const stop = () => {
    stopped = true;
    stream.getTracks().forEach((track) => track.stop());
    box.hidden = true;
  };
  box.querySelector("[data-stop]").onclick = stop;
  while (!stopped) {
    const [code] = await detector.detect(video).catch(() => []);
    if (code && !stopped) {
      stop();
      field.value = code.rawValue;
      field.form.requestSubmit();
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

// Buttons that only scripts can serve are there where they can.
function offer() {
  for (const button of document.querySelectorAll("[data-print]")) {
    button.hidden = false;
    button.onclick = () => print();
  }
  for (const button of document.querySelectorAll("[data-copies]")) {
    button.hidden = !navigator.clipboard;
    button.onclick = () => navigator.clipboard.writeText(document.querySelector("[data-copy]").textContent);
  }
  if (!("BarcodeDetector" in window) || !navigator.mediaDevices) return;
  for (const button of document.querySelectorAll("[data-scan]")) {
    button.hidden = false;
    button.onclick = () => scan(document.getElementById(button.dataset.scan));
  }
}
offer();
