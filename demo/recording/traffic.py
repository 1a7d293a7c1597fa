#!/usr/bin/env python3
"""traffic.py - visitors for the demo's web server: real requests over loopback, bounded in number.

usage: traffic.py PORT REQUESTS

Every visitor has an address of its own in 127.0.0.0/8, a browser or a library, perhaps an account,
and one connection that is kept alive.  Names are of example domains and forwarded addresses of
the blocks reserved for documentation (RFC 2606, RFC 5737), so that nothing in the log belongs to
anybody; what a redactor has to find is there all the same.
"""

import base64
import http.client
import random
import sys
import threading
import urllib.parse

AGENTS = [
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/126.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (compatible; examplebot/2.1; +http://bot.example.net/about)",
    "okhttp/4.12.0", "python-requests/2.31.0", "Go-http-client/1.1", "monitor/1.4 (ops@example.net)",
]
FIRST = ["ana", "bob.stone", "chen", "dora", "e.fischer", "frank+shop", "gita_r", "hugo", "ines",
         "jan.de.vries", "kim", "lea", "mo", "nina", "olu", "petr"]
DOMAINS = ["example.org", "example.com", "mail.example.net", "corp.example.com"]
WORDS = ["anchor", "cleat", "fender", "rope", "buoy", "chain", "paint", "lamp", "sail", "hatch"]
PAGES = ["index", "install", "faq", "returns", "prices", "contact", "terms"]


class Visitor:
    """One visitor: who it is, and what it asks for next."""

    def __init__(self, rng, number):
        self.rng = rng
        self.source = "127.%d.%d.%d" % (rng.randrange(1, 200), rng.randrange(256),
                                        rng.randrange(1, 255))
        self.agent = rng.choice(AGENTS)
        self.email = "%s%d@%s" % (rng.choice(FIRST), number, rng.choice(DOMAINS))
        self.session = "%016x" % rng.getrandbits(64)
        self.forwarded = self.make_forwarded() if rng.random() < 0.7 else None
        kind = rng.random()
        self.auth = None
        if kind < 0.15:
            self.auth = "Bearer %s.%s" % (self.blob(12), self.blob(15))
        elif kind < 0.25:
            self.auth = "Basic " + base64.b64encode(b"staff:berth").decode()

    def blob(self, size):
        return base64.urlsafe_b64encode(self.rng.randbytes(size)).decode().rstrip("=")

    def make_forwarded(self):
        blocks = ["192.0.2.", "198.51.100.", "203.0.113."]
        hops = [self.rng.choice(blocks) + str(self.rng.randrange(1, 255))]
        if self.rng.random() < 0.3:
            hops.append("10.%d.%d.%d" % (self.rng.randrange(256), self.rng.randrange(256),
                                         self.rng.randrange(1, 255)))
        return ", ".join(hops)

    def headers(self):
        out = {"User-Agent": self.agent}
        if self.forwarded:
            out["X-Forwarded-For"] = self.forwarded
        if self.auth and self.rng.random() < 0.8:
            out["Authorization"] = self.auth
        if self.rng.random() < 0.5:
            out["Referer"] = "http://shop.example.org/docs/%s.html" % self.rng.choice(PAGES)
        return out

    def query(self):
        pairs = {"q": self.rng.choice(WORDS), "page": str(self.rng.randrange(1, 9))}
        if self.rng.random() < 0.3:
            pairs["email"] = self.email
        if self.rng.random() < 0.3:
            pairs["session"] = self.session
        return urllib.parse.urlencode(pairs, safe="@" if self.rng.random() < 0.5 else "")

    def next(self):
        """-> (method, target, body, extra headers)"""
        rng = self.rng
        asks = [
            (22, lambda: ("GET", "/docs/%s.html" % rng.choice(PAGES), None, {})),
            (14, lambda: ("GET", "/search?" + self.query(), None, {})),
            (12, lambda: ("GET", "/img/%d.png" % rng.randrange(12), None, {})),
            (8, lambda: ("GET", "/assets/app.js", None, {"If-None-Match": "*"})),
            (6, lambda: ("GET", "/assets/site.css", None, {})),
            (8, lambda: ("GET", "/api/v1/orders?api_key=%s&since=%d" % (
                self.session, rng.randrange(1000)), None, {})),
            (6, lambda: ("GET", "/api/v1/users?email=%s&token=%s" % (
                urllib.parse.quote(self.email, safe="@"), self.session), None, {})),
            (4, lambda: ("POST", "/account/login?user=" + urllib.parse.quote(self.email), b"", {})),
            (4, lambda: ("GET", "/account/?session=" + self.session, None, {})),
            (3, lambda: ("HEAD", "/docs/%s.html" % rng.choice(PAGES), None, {})),
            (3, lambda: ("GET", "/private/notes.txt", None, {})),
            (3, lambda: ("GET", "/old/%s" % rng.choice(WORDS), None, {})),
            (2, lambda: ("GET", "/healthz", None, {})),
            (2, lambda: ("GET", "/%s.php?id=%d" % (rng.choice(WORDS), rng.randrange(99)), None, {})),
            (1, lambda: ("PUT", "/upload/%s-%d.txt" % (rng.choice(WORDS), rng.randrange(50)),
                         b"x" * rng.choice([10, 900, 5000]), {})),
            (1, lambda: ("GET", "/api/v1/report?for=" + self.email, None, {})),
            (1, lambda: ("GET", "/api/v1/legacy?ip=203.0.113.%d" % rng.randrange(1, 255), None, {})),
            (1, lambda: ("GET", "/img/0.png", None, {"Range": "bytes=0-99"})),
        ]
        return rng.choices([ask for _, ask in asks], [weight for weight, _ in asks])[0]()


class Counter:
    """How many requests are still to be made, over all visitors."""

    def __init__(self, left):
        self.left = left
        self.lock = threading.Lock()

    def take(self):
        with self.lock:
            if self.left == 0:
                return False
            self.left -= 1
            return True


def visit(visitor, port, counter, requests):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10,
                                            source_address=(visitor.source, 0))
    try:
        for _ in range(requests):
            if not counter.take():
                return
            method, target, body, extra = visitor.next()
            headers = visitor.headers()
            headers.update(extra)
            connection.request(method, target, body=body, headers=headers)
            connection.getresponse().read()
    finally:
        connection.close()


def crowd(seed, port, counter):
    rng = random.Random(seed)
    number = seed * 10000
    while counter.left > 0:
        number += 1
        visit(Visitor(rng, number), port, counter, rng.randrange(4, 60))


def main():
    port, requests = int(sys.argv[1]), int(sys.argv[2])
    counter = Counter(min(requests, 100000))
    threads = [threading.Thread(target=crowd, args=(seed, port, counter)) for seed in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
