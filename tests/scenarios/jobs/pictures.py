#!/usr/bin/env python3
"""Makes the pictures of the pages of Consul, Nomad and Prometheus, which stand beside the example jobs.

    tests/lab up --jobs
    tests/lab open ui                # in another terminal; it prints the addresses
    apt-get install chromium-driver
    tests/scenarios/jobs/pictures.py http://127.0.0.1:8500 http://127.0.0.1:4646 http://127.0.0.1:9090
"""

import base64
import json
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

PAGES = [("consul", "/ui/eu-central-1/nodes"), ("nomad", "/ui/topology"), ("prometheus", "/classic/targets")]
FOLDER = Path(__file__).parents[3] / "terraform/examples/complete/jobs/pictures"
OPTIONS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=1200,800"]
DRIVER = "http://127.0.0.1:9515"
# The pages ask for what they show after they are there, and never end to ask.
DRAWN = 8


def ask(path, body):
    """A command of WebDriver: https://www.w3.org/TR/webdriver2/#endpoints"""
    headers = {"Content-Type": "application/json"}
    method = "POST" if body is not None else "GET"
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(DRIVER + path, data, headers, method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)["value"]


def until_it_listens():
    for _ in range(100):
        try:
            return ask("/status", None)
        except OSError:
            time.sleep(0.1)
    raise SystemExit("chromedriver does not answer")


def main():
    if len(sys.argv) != 1 + len(PAGES):
        raise SystemExit(__doc__)
    if not shutil.which("chromedriver"):
        raise SystemExit("cannot find chromedriver: apt-get install chromium-driver")
    driver = subprocess.Popen(["chromedriver", "--port=9515", "--silent"])
    try:
        until_it_listens()
        wanted = {"alwaysMatch": {"pageLoadStrategy": "none", "goog:chromeOptions": {"args": OPTIONS}}}
        session = "/session/" + ask("/session", {"capabilities": wanted})["sessionId"]
        FOLDER.mkdir(exist_ok=True)
        for (name, path), address in zip(PAGES, sys.argv[1:]):
            ask(session + "/url", {"url": address + path})
            time.sleep(DRAWN)
            picture = base64.b64decode(ask(session + "/screenshot", None))
            (FOLDER / f"{name}.png").write_bytes(picture)
    finally:
        driver.terminate()
        driver.wait()


main()
