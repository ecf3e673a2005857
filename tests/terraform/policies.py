"""Judges IAM policies with parliament: a JSON object of names and documents on standard input, a line for each finding."""

import json
import sys

from parliament import analyze_policy_string

found = False
for name, document in json.load(sys.stdin).items():
    for finding in analyze_policy_string(document).findings:
        print(f"{name}: {finding.issue}: {finding.detail}")
        found = True
sys.exit(found)
