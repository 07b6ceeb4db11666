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

// What the ticked candidates of a difference come to: how much is left, until it is nothing.
document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-open]");
  const shown = form === null ? null : form.querySelector("output[data-difference]");
  if (shown === null) {
    return;
  }
  const ticked = [...form.querySelectorAll("input[data-amount]:checked")];
  const left = ticked.reduce((rest, one) => rest - Number(one.dataset.amount), Number(form.dataset.open));
  const written = new Intl.NumberFormat(document.documentElement.lang, { style: "currency", currency: form.dataset.currency });
  shown.textContent = ticked.length === 0 ? "" : `${shown.dataset.difference} ${written.format(left / 10 ** form.dataset.decimals)}`;
});
