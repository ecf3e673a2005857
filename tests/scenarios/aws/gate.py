"""What stands before moto: who may ask what, what the lab has told it to do wrong, and a record of every call.

`control.json`: {"modes": {"ec2": "throttle", "ssm:GetParameter": "deny"}, "hidden": {"10.20.1.11": ["i-…"]}}. Modes are
of a service or of one action: `normal`, `throttle`, `deny`, `broken` (an internal error). `callers` are modes of one caller,
by its address. `clock` is how many seconds its clock is ahead. `hidden` are instances that DescribeInstances leaves out of its answers to one caller: what eventual
consistency looks like.
"""

import io
import json
import threading
import time
import xml.etree.ElementTree as ElementTree
from urllib.parse import parse_qsl

JSON_SERVICES = {"ssm", "ecr", "secretsmanager"}
HOSTS = {"ecr": "api.ecr"}
REASONS = {200: "OK", 400: "Bad Request", 403: "Forbidden", 404: "Not Found", 500: "Internal Server Error",
           503: "Service Unavailable"}


class Call:
    """A request: who asks which service for what."""

    def __init__(self, environ):
        self.body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(self.body)
        self.caller = environ["REMOTE_ADDR"]
        self.host = environ.get("HTTP_HOST", "")
        self.method = environ["REQUEST_METHOD"]
        self.headers = {
            name[5:].replace("_", "-").title(): value for name, value in environ.items() if name.startswith("HTTP_")
        }
        self.headers["Content-Type"] = environ.get("CONTENT_TYPE", "")
        self.key, self.region, self.service = "", "", ""
        words = self.headers.get("Authorization", "").removeprefix("AWS4-HMAC-SHA256 Credential=").split(",")[0]
        if words.count("/") == 4:
            self.key, _, self.region, self.service, _ = words.split("/")
        text = self.body.decode(errors="replace")
        self.parameters = {} if self.is_json() else dict(parse_qsl(text or environ.get("QUERY_STRING", "")))
        self.action = self.headers.get("X-Amz-Target", "").rpartition(".")[2] or self.parameters.get("Action", "")

    def is_json(self):
        return self.service in JSON_SERVICES

    def error(self, status, code, message):
        """An error in the shape of the service."""
        if self.is_json():
            return status, "application/x-amz-json-1.1", json.dumps({"__type": code, "message": message})
        error = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
        if self.service == "ec2":
            return status, "text/xml", f"<Response><Errors>{error}</Errors><RequestID>lab</RequestID></Response>"
        return status, "text/xml", f"<ErrorResponse>{error}<RequestId>lab</RequestId></ErrorResponse>"


class Gate:
    def __init__(self, moto, folder, settings, account, lifecycle):
        self.moto, self.settings, self.account, self.lifecycle = moto, settings, account, lifecycle
        self.control_file = folder / "control.json"
        self.calls = open(folder / "calls.jsonl", "a", buffering=1)
        self.lock = threading.Lock()

    def __call__(self, environ, start_response):
        call = Call(environ)
        control = json.loads(self.control_file.read_text())
        answer = (
            self.stranger(call)
            or self.expired(call, control.get("clock", 0))
            or self.fault(call, control.get("callers", {}).get(call.caller, {}), control.get("modes", {}))
            or self.foreign_parameter(call)
            or self.lifecycle.answer(call)
            or self.ask_moto(call, environ)
        )
        status, kind, body = answer
        hidden = control.get("hidden", {}).get(call.caller)
        if hidden and status == 200 and call.action == "DescribeInstances":
            body = without(hidden, body)
        self.record(call, status)
        body = body if isinstance(body, bytes) else body.encode()
        reason = REASONS.get(status, "Unknown")
        start_response(f"{status} {reason}", [("Content-Type", kind), ("Content-Length", str(len(body)))])
        return [body]

    def stranger(self, call):
        """Requests that AWS would not take from a node, whatever they ask."""
        if not call.service:
            return call.error(403, "MissingAuthenticationToken", "no signature")
        region = self.settings["region"]
        hosts = [f"{HOSTS.get(call.service, call.service)}.{region}.{end}" for end in ("amazonaws.com", "api.aws")]
        if call.host not in hosts:
            return call.error(404, "NoSuchHost", f"{call.host} is not {call.service}")
        if call.region != region:
            return call.error(403, "SignatureDoesNotMatch", f"the scope should be of {region}, is of {call.region}")
        if call.key not in self.account.node_keys:
            return call.error(403, "InvalidClientTokenId", "the security token is not valid")
        return None

    def expired(self, call, clock):
        """A signature is good for five minutes by the clock of AWS."""
        if abs(clock) <= 300:
            return None
        if call.service == "ec2":
            return call.error(400, "RequestExpired", "Request has expired.")
        return call.error(403, "InvalidSignatureException", "Signature expired")

    def fault(self, call, *all_modes):
        keys = (f"{call.service}:{call.action}", call.service, "*")
        mode = next((modes[key] for modes in all_modes for key in keys if key in modes), "normal")
        ec2 = call.service == "ec2"
        if mode == "throttle":
            if ec2:
                return call.error(503, "RequestLimitExceeded", "Request limit exceeded.")
            code = "ThrottlingException" if call.is_json() else "Throttling"
            return call.error(400, code, "Rate exceeded")
        if mode == "deny":
            return self.denied(call)
        if mode == "broken":
            return call.error(500, "InternalError", "An internal error has occurred")
        return None

    def denied(self, call):
        words = f"User: cos-node is not authorized to perform: {call.service}:{call.action}"
        if call.service == "ec2":
            return call.error(403, "UnauthorizedOperation", words)
        if call.is_json():
            return call.error(400, "AccessDeniedException", words)
        return call.error(403, "AccessDenied", words)

    def foreign_parameter(self, call):
        """A role may touch the parameters that its policy names."""
        if call.service != "ssm":
            return None
        name = str(json.loads(call.body or b"{}").get("Name", ""))
        parameter = f"arn:aws:ssm:{self.settings['region']}:{self.settings['account']}:parameter{name}"
        if self.account.may(call.key, f"ssm:{call.action}", parameter):
            return None
        return self.denied(call)

    def ask_moto(self, call, environ):
        seen = {}

        def start_response(status, headers, *_):
            seen["status"] = int(status.split()[0])
            seen["kind"] = dict(headers).get("Content-Type", "text/xml")

        body = b"".join(self.moto(environ, start_response))
        # moto denies in the words of one service, whichever is asked.
        if seen["status"] == 403 and b"<Code>AccessDenied<" in body:
            return self.denied(call)
        return seen["status"], seen["kind"], body

    def record(self, call, status):
        line = {
            "time": time.time(),
            "caller": call.caller,
            "service": call.service,
            "action": call.action,
            "status": status,
        }
        with self.lock:
            self.calls.write(json.dumps(line) + "\n")


def without(hidden, body):
    """DescribeInstances' answer without some of the instances."""
    root = ElementTree.fromstring(body)
    space = root.tag.partition("}")[0].lstrip("{")
    ElementTree.register_namespace("", space)
    for instances in root.iter(f"{{{space}}}instancesSet"):
        for item in list(instances):
            if item.findtext(f"{{{space}}}instanceId") in hidden:
                instances.remove(item)
    for reservations in root.iter(f"{{{space}}}reservationSet"):
        for item in list(reservations):
            if len(item.find(f"{{{space}}}instancesSet")) == 0:
                reservations.remove(item)
    return ElementTree.tostring(root)
