"""Receives signed callbacks. PORT says where to listen; CALLBACK_SECRETS holds one or more whsec_ secrets, with spaces between."""
import base64
import hmac
import os
import re
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECRETS = [base64.b64decode(secret.removeprefix("whsec_")) for secret in os.environ["CALLBACK_SECRETS"].split()]
TOLERANCE_SECONDS = 5 * 60
LARGEST_BYTES = 32 * 1024 * 1024


def verifies(headers, body):
    """Whether the callback is young and carries a signature of one of our secrets."""
    webhook_id = headers.get("webhook-id", "")
    timestamp = headers.get("webhook-timestamp", "")
    if not re.fullmatch("[0-9]{1,12}", timestamp) or abs(time.time() - int(timestamp)) > TOLERANCE_SECONDS:
        return False
    signed = f"{webhook_id}.{timestamp}.".encode() + body
    ours = [b"v1," + base64.b64encode(hmac.digest(secret, signed, "sha256")) for secret in SECRETS]
    theirs = headers.get("webhook-signature", "").encode().split()
    return any(hmac.compare_digest(one, other) for one in theirs for other in ours)


class Receiver(BaseHTTPRequestHandler):
    timeout = 60

    def do_POST(self):
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > LARGEST_BYTES:
            self.answer(413)
            return
        body = self.rfile.read(int(length))
        if not verifies(self.headers, body):
            self.answer(401)
            return
        # Your work goes here. Answer after it is safe: what is answered with 2xx does not come again.
        print("accepted", self.headers["webhook-id"], self.headers["X-Function-Status"], len(body), flush=True)
        self.answer(204)

    def answer(self, status):
        self.send_response(status)
        self.send_header("Connection", "close")
        self.end_headers()


server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "8000"))), Receiver)
print(f"listening on http://127.0.0.1:{server.server_port}/", flush=True)
server.serve_forever()
