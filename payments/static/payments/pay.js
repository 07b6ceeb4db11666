// Looks whether the payment is decided meanwhile, and shows the page anew once it is. Without scripts, the page reloads.
const stands = () => document.querySelector("[data-state]").dataset.state;
let seconds = 2;

async function look() {
  try {
    const answer = await fetch(location.href, { cache: "no-store" });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const now = page.querySelector("[data-state]");
    if (answer.ok && now && now.dataset.state !== stands()) {
      location.reload();
      return;
    }
  } catch {
    // No line for a moment: look again.
  }
  seconds = Math.min(seconds * 1.3, 15);
  setTimeout(look, seconds * 1000);
}

setTimeout(look, seconds * 1000);
