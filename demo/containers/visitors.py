"""Visitors of the shop."""

import os
import random
import time
import urllib.error
import urllib.request

shop = os.environ["SHOP"]
sent = 0
while True:
    path, data = random.choice([(f"/articles/{random.randrange(200)}", None), ("/orders", b"{}"), ("/favicon.ico", None)])
    try:
        with urllib.request.urlopen(urllib.request.Request(shop + path, data=data), timeout=5) as answer:
            answer.read()
    except urllib.error.HTTPError as answer:
        if answer.code >= 500:
            print(f"level=error msg=\"the shop failed\" path={path} status={answer.code}", flush=True)
    except (urllib.error.URLError, OSError) as problem:
        print(f"level=warn msg=\"the shop does not answer\" path={path} problem=\"{problem}\"", flush=True)
    sent += 1
    if sent % 100 == 0:
        print(f"level=info msg=\"requests sent\" count={sent}", flush=True)
    time.sleep(random.uniform(0, 0.2))
