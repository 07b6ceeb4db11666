"""Where the providers' APIs answer, from the environment; part of the settings."""

from config import env

# Pay.nl has several hosts for each of its two APIs, and moves merchants between them.
PAYNL_CONNECT_URL = env.text("PAYNL_CONNECT_URL", "https://connect.pay.nl").rstrip("/")
PAYNL_REST_URL = env.text("PAYNL_REST_URL", "https://rest.pay.nl").rstrip("/")
STRIPE_API_BASE = env.text("STRIPE_API_BASE", "https://api.stripe.com").rstrip("/")
MOLLIE_API_BASE = env.text("MOLLIE_API_BASE", "https://api.mollie.com").rstrip("/")
# Adyen's live hosts have the prefix of the merchant's own company.
ADYEN_CHECKOUT_URL = env.text("ADYEN_CHECKOUT_URL", "https://checkout-test.adyen.com").rstrip("/")
ADYEN_CHECKOUT_LIVE_URL = env.text(
    "ADYEN_CHECKOUT_LIVE_URL", "https://{prefix}-checkout-live.adyenpayments.com/checkout"
).rstrip("/")
# Terminals: over Adyen's cloud, whose live hosts lie in several regions, and in the store itself.
ADYEN_DEVICES_URL = env.text("ADYEN_DEVICES_URL", "https://device-api-test.adyen.com").rstrip("/")
ADYEN_DEVICES_LIVE_URL = env.text("ADYEN_DEVICES_LIVE_URL", "https://device-api-live.adyen.com").rstrip("/")
ADYEN_LOCAL_URL = env.text("ADYEN_LOCAL_URL", "https://{host}:8443/nexo")
ADYEN_REPORTS_URL = env.text("ADYEN_REPORTS_URL", "https://ca-test.adyen.com").rstrip("/")
ADYEN_REPORTS_LIVE_URL = env.text("ADYEN_REPORTS_LIVE_URL", "https://ca-live.adyen.com").rstrip("/")
