"""Prints each name that is asked for at a port of loopback, by UDP or TCP: one `name.` a line. Runs in the network
namespace of a node, outside of the node.

    python3 queries.py PORT
"""

import socket
import struct
import sys

PORT = int(sys.argv[1])
UDP, TCP = 17, 6


def question(message):
    labels, at = [], 12
    while message[at]:
        labels.append(message[at + 1 : at + 1 + message[at]].decode(errors="replace"))
        at += 1 + message[at]
    return ".".join(labels) + "."


def query(packet):
    """The DNS message of an IPv4 packet to the port, if there is one."""
    head = (packet[0] & 15) * 4
    if packet[0] >> 4 != 4 or struct.unpack("!H", packet[head + 2 : head + 4])[0] != PORT:
        return b""
    if packet[9] == UDP:
        return packet[head + 8 :]
    if packet[9] == TCP:
        return packet[head + (packet[head + 12] >> 4) * 4 + 2 :]
    return b""


def main():
    lo = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
    lo.bind(("lo", 0x0800))
    print("listening", flush=True)
    while True:
        packet, (_, _, kind, _, _) = lo.recvfrom(65535)
        if kind == socket.PACKET_OUTGOING:
            continue
        try:
            message = query(packet)
            if len(message) > 12:
                print(question(message), flush=True)
        except (IndexError, struct.error) as error:
            # Nothing that reaches the port may stay unseen.
            print(f"not understood: {error!r}", flush=True)


main()
