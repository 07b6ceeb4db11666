"use strict";

// A form with `data-passkey` asks the browser to make ("create") or prove ("get") a passkey, and sends what it answers.
document.addEventListener("DOMContentLoaded", () => {
  if (window.PublicKeyCredential === undefined || PublicKeyCredential.parseRequestOptionsFromJSON === undefined) {
    return;
  }
  document.querySelectorAll("form[data-passkey]").forEach((form) => {
    form.hidden = false;
    form.addEventListener("submit", async (event) => {
      const answer = form.querySelector("[name=passkey]");
      if (answer.value !== "") {
        return;
      }
      event.preventDefault();
      const fault = form.querySelector(".ot-fault");
      fault.hidden = true;
      const options = JSON.parse(form.dataset.options);
      const make = form.dataset.passkey === "create";
      const publicKey = make
        ? PublicKeyCredential.parseCreationOptionsFromJSON(options)
        : PublicKeyCredential.parseRequestOptionsFromJSON(options);
      try {
        const passkey = await (make ? navigator.credentials.create({ publicKey }) : navigator.credentials.get({ publicKey }));
        answer.value = JSON.stringify(passkey.toJSON());
      } catch {
        fault.hidden = false;
        return;
      }
      form.submit();
    });
  });
});
