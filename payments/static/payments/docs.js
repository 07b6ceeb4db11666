"use strict";

window.ui = SwaggerUIBundle({
  url: "/v1/openapi.json",
  dom_id: "#docs",
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  docExpansion: "list",
  persistAuthorization: false,
  validatorUrl: null,
  requestInterceptor: (request) => {
    if (request.method === "POST" && request.headers["Idempotency-Key"] === undefined) {
      request.headers["Idempotency-Key"] = crypto.randomUUID();
    }
    return request;
  },
});
