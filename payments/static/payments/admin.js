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
