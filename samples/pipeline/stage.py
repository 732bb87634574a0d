"""One stage of a pipeline: it does its work, and hands on the slip that says which way what comes of it takes."""
import collections
import json
import os
import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def extract(body):
    return json.dumps(re.findall(r"\w+", body.decode().lower()))


def count(body):
    return json.dumps(collections.Counter(json.loads(body)))


def report(body):
    return "".join(f"{times} {word}\n" for word, times in sorted(json.loads(body).items(), key=lambda item: (-item[1], item[0])))


WORK = {"extract": extract, "count": count, "report": report}[os.environ["stage"]]


class Stage(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if not self.headers.get("X-Function-Status", "200").startswith("2"):
            # The stage before failed for good. 422 is not retried, so the bad news goes on to whoever waits at the end.
            self.answer(422, body)
            return
        try:
            self.answer(200, WORK(body).encode())
        except (ValueError, TypeError) as fault:
            self.answer(422, f"{os.environ['stage']}: {fault}\n".encode())

    def answer(self, status, body):
        self.send_response(status)
        # Headers of this answer are headers of the next call: its callback is the first address of the slip, the others travel on.
        slip = self.headers.get("X-Then", "").split()
        if slip:
            self.send_header("X-Callback-Url", slip[0])
            self.send_header("X-Then", " ".join(slip[1:]))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Stage).serve_forever()
