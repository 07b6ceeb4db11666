"use strict";

// What is to be typed elsewhere: one click selects it (the style sheet sees to that) and copies it, where browsers may.
document.addEventListener("click", (event) => {
  const text = event.target.closest(".ot-copy");
  if (text === null || navigator.clipboard === undefined) {
    return;
  }
  navigator.clipboard.writeText(text.textContent).then(() => {
    text.dataset.copied = "";
    setTimeout(() => delete text.dataset.copied, 1200);
  });
});

// What the ticked candidates of a difference come to: how much is left, until it is nothing. Ticking one means to match.
document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-open]");
  const shown = form === null ? null : form.querySelector("output[data-difference]");
  if (shown === null || event.target.dataset.amount === undefined) {
    return;
  }
  const ticked = [...form.querySelectorAll("input[data-amount]:checked")];
  const left = ticked.reduce((rest, one) => rest - Number(one.dataset.amount), Number(form.dataset.open));
  const written = new Intl.NumberFormat(document.documentElement.lang, { style: "currency", currency: form.dataset.currency });
  shown.textContent = written.format(left / 10 ** form.dataset.decimals);
  shown.classList.toggle("ot-agrees", left === 0);
  const match = form.querySelector("input[name=action][value=match]");
  if (ticked.length > 0 && match !== null) {
    match.checked = true;
  }
});

// The next one of a list by a key, unless something is being typed.
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]") !== null;
  const next = document.querySelector("a[data-next]");
  if (event.key === "n" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey && next !== null) {
    next.click();
  }
});

// The search, on every page: by `/` or Ctrl-K, with the arrow keys from hit to hit. Without scripts its link leads to a page.
document.addEventListener("DOMContentLoaded", () => {
  const opener = document.querySelector("[data-search]");
  if (opener === null) {
    return;
  }
  let dialog = null;
  let asked = null;

  // What was opened lately, until this tab is closed and as long as the same person is signed in.
  const recent = () => {
    const kept = JSON.parse(sessionStorage.getItem("onetill.search") || "{}");
    return kept.person === opener.dataset.person ? kept.hits : [];
  };
  const remember = (link) => {
    const hit = { title: link.innerText.replace(/\s+/g, " "), url: link.getAttribute("href") };
    const hits = [hit, ...recent().filter((one) => one.url !== hit.url)].slice(0, 8);
    sessionStorage.setItem("onetill.search", JSON.stringify({ person: opener.dataset.person, hits }));
  };

  const showRecent = (shown) => {
    shown.replaceChildren();
    const hits = recent();
    if (hits.length === 0) {
      return;
    }
    const heading = document.createElement("h2");
    heading.textContent = shown.dataset.recent;
    const list = document.createElement("ul");
    hits.forEach((hit) => {
      const link = document.createElement("a");
      link.href = hit.url;
      link.textContent = hit.title;
      link.dataset.hit = "";
      const item = document.createElement("li");
      item.append(link);
      list.append(item);
    });
    const section = document.createElement("section");
    section.className = "ot-hits";
    section.append(heading, list);
    shown.append(section);
  };

  const search = async (text, shown) => {
    asked?.abort();
    asked = new AbortController();
    if (text.trim() === "") {
      showRecent(shown);
      return;
    }
    try {
      const answer = await fetch(`${opener.href}?hits=1&q=${encodeURIComponent(text)}`, { signal: asked.signal });
      if (!answer.ok || answer.redirected) {
        throw new Error(String(answer.status));
      }
      shown.innerHTML = await answer.text();
    } catch (error) {
      if (error.name !== "AbortError") {
        shown.textContent = shown.dataset.failed;
      }
    }
  };

  const make = () => {
    document.body.append(document.getElementById("ot-search-dialog").content.cloneNode(true));
    const made = document.body.lastElementChild;
    const input = made.querySelector("input[type=search]");
    const shown = made.querySelector("[data-hits]");
    let pause = 0;
    input.addEventListener("input", () => {
      clearTimeout(pause);
      pause = setTimeout(() => search(input.value, shown), 150);
    });
    made.querySelector("[data-close]").addEventListener("click", () => made.close());
    made.addEventListener("click", (event) => {
      const link = event.target.closest("[data-hit]");
      if (link !== null) {
        remember(link);
      } else if (event.target === made) {
        made.close();
      }
    });
    made.addEventListener("keydown", (event) => {
      if (event.key === "Escape") {
        event.preventDefault(); // browsers would only empty the field
        made.close();
        return;
      }
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step === undefined) {
        return;
      }
      event.preventDefault();
      const stops = [input, ...shown.querySelectorAll("a")];
      const next = stops[stops.indexOf(document.activeElement) + step];
      next?.focus();
    });
    return made;
  };

  const open = (event) => {
    event.preventDefault();
    dialog ??= make();
    if (!dialog.open) {
      dialog.showModal();
    }
    const input = dialog.querySelector("input[type=search]");
    input.select();
    search(input.value, dialog.querySelector("[data-hits]"));
  };

  opener.addEventListener("click", open);
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, textarea, select, [contenteditable]") !== null;
    const slash = event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey;
    if (slash || (event.key === "k" && (event.ctrlKey || event.metaKey))) {
      open(event);
    }
  });
});

// The first page: read again as soon as something happened, which the event stream tells; its charts are drawn anew then.
document.addEventListener("DOMContentLoaded", () => {
  const live = document.querySelector("#live[data-stream]");
  if (live === null) {
    return;
  }
  const notLive = document.getElementById("not-live");
  const colors = () => {
    const style = getComputedStyle(document.documentElement);
    const dark = document.documentElement.classList.contains("dark");
    return { bar: style.getPropertyValue("--color-primary-500"), text: style.getPropertyValue(dark ? "--color-base-300" : "--color-base-600") };
  };
  const draw = () => {
    live.querySelectorAll("canvas[data-chart]").forEach((canvas) => {
      const { labels, values, written } = JSON.parse(canvas.dataset.chart);
      const across = canvas.dataset.kind === "bar-across";
      const { bar, text } = colors();
      const plain = { grid: { display: false }, ticks: { color: text } };
      const amounts = { beginAtZero: true, ticks: { color: text, maxTicksLimit: 5 }, border: { display: false } };
      new Chart(canvas, {
        type: "bar",
        data: { labels, datasets: [{ data: values.map(Number), backgroundColor: bar, borderRadius: 3, maxBarThickness: 28 }] },
        options: {
          animation: false,
          indexAxis: across ? "y" : "x",
          maintainAspectRatio: false,
          plugins: { legend: { display: false }, tooltip: { callbacks: { label: (point) => written[point.dataIndex] } } },
          scales: across ? { x: amounts, y: plain } : { x: plain, y: amounts },
        },
      });
    });
  };
  draw();

  const reread = () => live.dispatchEvent(new Event("changed"));
  let open = new Set();
  live.addEventListener("htmx:beforeSwap", () => {
    live.querySelectorAll("canvas[data-chart]").forEach((canvas) => Chart.getChart(canvas)?.destroy());
    open = new Set([...live.querySelectorAll("details")].map((one, at) => (one.open ? at : -1)));
  });
  live.addEventListener("htmx:afterSwap", () => {
    live.querySelectorAll("details").forEach((one, at) => {
      one.open = open.has(at);
    });
    draw();
  });

  // While the stream cannot be had, the page says so and asks by itself.
  let asking = null;
  const stream = new EventSource(live.dataset.stream, { withCredentials: true });
  stream.addEventListener("open", () => {
    clearInterval(asking);
    asking = null;
    notLive.hidden = true;
    reread();
  });
  stream.addEventListener("message", reread);
  stream.addEventListener("error", () => {
    if (stream.readyState !== EventSource.OPEN) {
      notLive.hidden = false;
      asking ??= setInterval(reread, 10000);
    }
  });
  document.addEventListener("visibilitychange", () => document.hidden || reread());
});
