"""Lifecycle hooks of auto scaling groups, which moto does not have: instances wait in `Pending:Wait` until the right
answer comes, and a second answer is an error (AutoScaling API 2011-01-01).
"""

import threading
from xml.sax.saxutils import escape

from moto.iam.access_control import IAMRequest
from werkzeug.exceptions import HTTPException

OURS = ("CompleteLifecycleAction", "RecordLifecycleActionHeartbeat", "DescribeAutoScalingInstances")
RESULTS = {"CONTINUE": "InService", "ABANDON": "Terminating:Wait"}
KNOWN = {"Action", "Version", "AutoScalingGroupName", "LifecycleHookName", "LifecycleActionResult",
         "LifecycleActionToken", "InstanceId"}


class Refused(Exception):
    pass


class Lifecycle:
    def __init__(self, settings):
        self.settings = settings
        self.instances = {}
        self.lock = threading.Lock()
        self.operations = {"hold": self.hold, "lifecycle": lambda: self.instances}

    def hold(self, instance, group, hook, zone, state="Pending:Wait"):
        """Puts an instance of a group before a hook; without a hook it is merely a member of the group."""
        self.instances[instance] = {"group": group, "hook": hook, "zone": zone, "state": state, "heartbeats": 0}

    def answer(self, call):
        if call.service != "autoscaling" or call.action not in OURS:
            return None
        try:
            self.check_permission(call)
            if call.parameters.get("Version") != "2011-01-01":
                raise Refused(f"Version is {call.parameters.get('Version')}")
            with self.lock:
                result = self.describe(call) if call.action == OURS[2] else self.act(call)
        except HTTPException as error:
            return error.code, "text/xml", str(error.description)
        except Refused as error:
            return call.error(400, "ValidationError", str(error))
        body = (
            f'<{call.action}Response xmlns="http://autoscaling.amazonaws.com/doc/2011-01-01/">'
            f"<{call.action}Result>{result}</{call.action}Result>"
            f"<ResponseMetadata><RequestId>lab</RequestId></ResponseMetadata></{call.action}Response>"
        )
        return 200, "text/xml", body

    def check_permission(self, call):
        request = IAMRequest(
            account_id=self.settings["account"],
            method=call.method,
            path="/",
            data=call.parameters,
            body=call.body,
            headers=call.headers,
            action=call.action,
        )
        request.check_signature()
        request.check_action_permitted("*")

    def act(self, call):
        found = call.parameters
        unknown = set(found) - KNOWN
        if unknown:
            raise Refused(f"unknown parameters: {sorted(unknown)}")
        instance = found.get("InstanceId", "")
        held = self.instances.get(instance)
        waits = held and held["state"].endswith(":Wait")
        right = waits and (held["group"], held["hook"]) == (
            found.get("AutoScalingGroupName"),
            found.get("LifecycleHookName"),
        )
        if not right:
            raise Refused(f"No active Lifecycle Action found with instance ID {instance}")
        if call.action == "RecordLifecycleActionHeartbeat":
            held["heartbeats"] += 1
            return ""
        state = RESULTS.get(found.get("LifecycleActionResult"))
        if state is None:
            raise Refused(f"LifecycleActionResult is {found.get('LifecycleActionResult')!r}")
        held["state"] = "Terminated" if held["state"] == "Terminating:Wait" else state
        return ""

    def describe(self, call):
        asked = [value for key, value in call.parameters.items() if key.startswith("InstanceIds.member.")]
        shown = [name for name in self.instances if name in asked or not asked]
        return f"<AutoScalingInstances>{''.join(map(self.member, shown))}</AutoScalingInstances>"

    def member(self, name):
        held = self.instances[name]
        return (
            f"<member><InstanceId>{name}</InstanceId><AutoScalingGroupName>{escape(held['group'])}</AutoScalingGroupName>"
            f"<AvailabilityZone>{held['zone']}</AvailabilityZone><LifecycleState>{held['state']}</LifecycleState>"
            "<HealthStatus>HEALTHY</HealthStatus><ProtectedFromScaleIn>false</ProtectedFromScaleIn></member>"
        )
