"""One fake by itself, for an installation on this machine: `python -m tests.fake_books moneybird 12112`."""

import sys
import time

from tests.fake_books.packages import PACKAGES
from tests.fake_books.server import serve

code, port = [*sys.argv[1:], "12112"][:2]
package = PACKAGES[code]()
serve(package, int(port))
print(f"{package.code} answers at {package.url}", flush=True)
while True:
    time.sleep(3600)
