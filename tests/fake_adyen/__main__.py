"""The fake by itself, for a shop on this machine: `python -m tests.fake_adyen 12114 [NAME=WEBHOOK_URL …]`."""

import sys
import time

from tests.fake_adyen.server import FakeAdyen

port, *addresses = sys.argv[1:] or ["12114"]
running = FakeAdyen(int(port))
for each in addresses:
    name, _, url = each.partition("=")
    running.account(name).webhook_url = url
    running.terminal(name).card = "tap"
    print(f"{name}: {running.account(name).secrets}, and the terminal V400m-324688179", flush=True)
print(
    f"export ADYEN_CHECKOUT_URL={running.url} ADYEN_DEVICES_URL={running.url} ADYEN_REPORTS_URL={running.url}",
    flush=True,
)
while True:
    time.sleep(3600)
