"""The fake by itself, for a shop on this machine: `python -m tests.fake_paynl 12112 [1234-1234=WEBHOOK_URL …]`."""

import sys
import time

from tests.fake_paynl.server import FakePayNl

port, *addresses = sys.argv[1:] or ["12112"]
running = FakePayNl(int(port))
for each in addresses:
    numbers, _, url = each.partition("=")
    running.account(numbers).webhook_url = url
print(f"export PAYNL_CONNECT_URL={running.url} PAYNL_REST_URL={running.url}", flush=True)
print("SL-1234-1234 has the secret secret-of-SL-1234-1234, AT-1234-1234 the token token-of-AT-1234-1234.", flush=True)
while True:
    time.sleep(3600)
