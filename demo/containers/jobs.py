"""Jobs that run for a while, until one of them fails and takes the program with it."""

import logging
import random
import time

logging.basicConfig(format="%(asctime)s [%(levelname)s] %(name)s: %(message)s", level=logging.DEBUG)
log = logging.getLogger("jobs.mailer")


def send(number):
    if number % 25 == 24:
        raise ConnectionResetError(104, "Connection reset by peer")
    log.info("mail %d sent to customer-%d@example.org in %d ms", number, number * 37 % 1000, random.randrange(20, 400))


def run(number):
    try:
        send(number)
    except OSError as cause:
        raise RuntimeError(f"mail {number} was not sent") from cause


for n in range(random.randrange(5), 1000):
    if n % 5 == 4:
        log.warning("queue has %d mails", random.randrange(100, 900))
    run(n)
    time.sleep(0.6)  # it runs for more than ten seconds, or Docker would wait longer each time before it starts it again
