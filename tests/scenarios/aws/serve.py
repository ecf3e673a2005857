"""AWS of one lab: moto behind TLS under AWS's own names, with a gate before it, and a door for the lab.

    python3 serve.py FOLDER

FOLDER holds `settings.json`; the lab writes `control.json` there, which is read at every request, and reads
`calls.jsonl`, one line a call of a node, and `back-door.jsonl`, one line a call of anybody else. `admin.sock` takes one JSON
request a connection: the lab is in another network.
"""

import json
import os
import socket
import ssl
import sys
import threading
import time
from email.utils import formatdate
from pathlib import Path

from account import Account
from gate import Call, Gate
from lifecycle import Lifecycle
from moto.server import DomainDispatcherApplication, create_backend_app
from replay import Replay
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

BACK_DOOR = 8000


class Quiet(WSGIRequestHandler):
    # The file that says how many seconds the clock is ahead.
    control = None

    def log_request(self, *words):
        pass

    def date_time_string(self, timestamp=None):
        ahead = json.loads(self.control.read_text()).get("clock", 0)
        return formatdate(time.time() + ahead, usegmt=True)


class Server(ThreadedWSGIServer):
    """Shakes hands in the thread of the connection: a client that stops half-way through holds up nobody else."""

    def get_request(self):
        connection, address = self.socket.accept()
        if self.ssl_context is not None:
            connection = self.ssl_context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address

    def handle_error(self, request, address):
        if not isinstance(sys.exc_info()[1], (ConnectionError, ssl.SSLError, TimeoutError)):
            super().handle_error(request, address)


class Recorder:
    """The back door: whoever comes by it is asked for signature and permissions alone, by moto. A line a call."""

    def __init__(self, moto, folder):
        self.moto = moto
        self.calls = open(folder / "back-door.jsonl", "a", buffering=1)

    def __call__(self, environ, start_response):
        call = Call(environ)
        self.calls.write(json.dumps({"key": call.key, "action": f"{call.service}:{call.action}"}) + "\n")
        return self.moto(environ, start_response)


def listen(address, port, app, context=None):
    server = Server(address, port, app, handler=Quiet)
    server.ssl_context = context
    threading.Thread(target=server.serve_forever, daemon=True).start()


def main():
    folder = Path(sys.argv[1])
    settings = json.loads((folder / "settings.json").read_text())
    Quiet.control = folder / "control.json"
    moto = DomainDispatcherApplication(create_backend_app)
    lifecycle = Lifecycle(settings)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(settings["certificate"], settings["key"])
    listen("127.0.0.1", BACK_DOOR, Recorder(moto, folder))
    account = Account(settings, f"http://127.0.0.1:{BACK_DOOR}")
    listen(settings["address"], 443, Gate(moto, folder, settings, account, lifecycle), context)
    operations = account.operations | lifecycle.operations | Replay(account).operations

    path = folder / "admin.sock"
    path.unlink(missing_ok=True)
    door = socket.socket(socket.AF_UNIX)
    door.bind(os.fspath(path))
    door.listen()
    while True:
        connection, _ = door.accept()
        with connection, connection.makefile("rw") as stream:
            try:
                wanted = json.loads(stream.readline())
                answer = {"answer": operations[wanted.pop("operation")](**wanted)}
            except Exception as error:  # Whatever it is, the lab has to say it.
                answer = {"error": f"{type(error).__name__}: {error}"}
            stream.write(json.dumps(answer, default=str) + "\n")


main()
