"""S3 as ECR uses it: the layers of images, at the address to which the registry sends whoever pulls. Nothing else is there.

    python3 s3.py REGISTRY-FOLDER CERTIFICATE KEY ADDRESS
"""

import re
import ssl
import sys
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

LAYER = re.compile(r"/docker/registry/v2/blobs/sha256/[0-9a-f]{2}/[0-9a-f]{64}/data")


class Layers(SimpleHTTPRequestHandler):
    def send_head(self):
        if not LAYER.fullmatch(self.path):
            self.send_error(403, "AccessDenied")
            return None
        return super().send_head()


class Server(ThreadingHTTPServer):
    """Shakes hands in the thread of the connection, as AWS of the lab does."""

    def __init__(self, address, certificate, key, handler):
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(certificate, key)
        super().__init__(address, handler)

    def get_request(self):
        connection, address = super().get_request()
        return self.tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address


def main():
    folder, certificate, key, address = sys.argv[1:]
    Server((address, 443), certificate, key, lambda *call: Layers(*call, directory=folder)).serve_forever()


main()
