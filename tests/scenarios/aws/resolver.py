"""The resolver of the VPC: the names of AWS and of the site that `control.json` lists under `names`, and EC2's
`ip-10-20-1-11`; of other names it says that they do not exist.

    python3 resolver.py FOLDER ADDRESS
"""

import json
import re
import socket
import struct
import sys
from pathlib import Path

A, NAME_ERROR = 1, 3


def address_of(name, names):
    host = re.fullmatch(r"ip-(\d+)-(\d+)-(\d+)-(\d+)(\.[a-z0-9-]+\.compute\.internal)?", name)
    return ".".join(host.groups()[:4]) if host else names.get(name)


def answer(query, names):
    number, _, _, _, _, extra = struct.unpack("!6H", query[:12])
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1 : at + 1 + query[at]].decode().lower())
        at += 1 + query[at]
    kind = struct.unpack("!H", query[at + 1 : at + 3])[0]
    question = query[12 : at + 5]
    address = address_of(".".join(labels), names)
    records = b""
    if address and kind == A:
        records = struct.pack("!HHHIH", 0xC00C, A, 1, 60, 4) + socket.inet_aton(address)
    # An answer to EDNS is EDNS.
    option = struct.pack("!BHHIH", 0, 41, 1232, 0, 0) if extra else b""
    flags = 0x8180 | (0 if address else NAME_ERROR)
    head = struct.pack("!6H", number, flags, 1, bool(records), 0, bool(option))
    return head + question + records + option


def main():
    control = Path(sys.argv[1], "control.json")
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((sys.argv[2], 53))
    while True:
        query, client = server.recvfrom(4096)
        try:
            server.sendto(answer(query, json.loads(control.read_text())["names"]), client)
        except (IndexError, UnicodeDecodeError, struct.error) as error:
            print(f"{client}: {error!r}", file=sys.stderr, flush=True)


main()
