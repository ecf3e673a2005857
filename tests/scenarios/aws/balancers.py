"""The load balancers of a state, as the lab plays them: HAProxy in the place of AWS's own. moto would only list them.

Everything that decides where a request goes is read here, and what is not known is an error: it would be played wrong.
"""

import ipaddress

TYPES = {
    "aws_lb", "aws_lb_listener", "aws_lb_listener_rule", "aws_lb_target_group",
    "aws_autoscaling_traffic_source_attachment",
}


def balancers(resources, subnets, known):
    """A list of load balancers, each with its listeners, their rules, and the target groups.

    `subnets` has the networks of the subnets by their ids, and `known` turns an id of the state into the one of EC2.
    """
    kinds = {kind: [one["values"] for one in resources if one["type"] == kind] for kind in TYPES}
    attached = {source["identifier"]: one["autoscaling_group_name"]
                for one in kinds["aws_autoscaling_traffic_source_attachment"] for source in one["traffic_source"]}
    targets = {one["arn"]: target(one, attached[one["arn"]]) for one in kinds["aws_lb_target_group"]}
    found = []
    for balancer in kinds["aws_lb"]:
        listeners = [listener(one, kinds["aws_lb_listener_rule"], targets)
                     for one in kinds["aws_lb_listener"] if one["load_balancer_arn"] == balancer["arn"]]
        network = ipaddress.ip_network(subnets[sorted(balancer["subnets"])[0]])
        found.append({
            "name": balancer["name"], "dns_name": balancer["dns_name"], "internal": balancer["internal"],
            # The first addresses of a subnet are AWS's.
            "address": str(network.network_address + 6 + len(found)),
            "groups": [known(group) for group in balancer["security_groups"]],
            "idle_timeout": balancer["idle_timeout"], "listeners": listeners,
        })
    return found


def target(values, group):
    check = values["health_check"][0]
    if (values["protocol"], check["protocol"], check["matcher"]) != ("HTTP", "HTTP", "200"):
        raise ValueError(f"nobody plays the target group {values['name']}")
    port = values["port"] if check["port"] == "traffic-port" else int(check["port"])
    return {"name": values["name"], "port": values["port"], "group": group, "check_port": port, "path": check["path"],
            "interval": check["interval"], "timeout": check["timeout"], "healthy": check["healthy_threshold"],
            "unhealthy": check["unhealthy_threshold"]}


def action(values, targets):
    """Where a request goes: to a target group, or it is answered at once."""
    if values["type"] == "forward":
        return {"target": targets[values["target_group_arn"]]}
    if values["type"] == "fixed-response":
        fixed = values["fixed_response"][0]
        return {"status": int(fixed["status_code"]), "kind": fixed["content_type"], "body": fixed["message_body"]}
    raise ValueError(f"nobody plays the action {values['type']}")


def listener(values, rules, targets):
    if values["protocol"] != "HTTPS":
        raise ValueError(f"nobody plays a listener with {values['protocol']}")
    own = sorted((one for one in rules if one["listener_arn"] == values["arn"]), key=lambda one: one["priority"])
    return {"port": values["port"], "default": action(values["default_action"][0], targets),
            "rules": [{"hosts": condition(one, "host_header"), "paths": condition(one, "path_pattern"),
                       "action": action(one["action"][0], targets)} for one in own]}


def condition(rule, kind):
    """The hosts or paths of a rule; a path is a prefix that ends with `*`."""
    for one in rule["condition"]:
        others = sorted(name for name, part in one.items()
                        if isinstance(part, list) and part and name not in ("host_header", "path_pattern"))
        if others:
            raise ValueError(f"nobody plays a condition with {others[0]}")
    values = [value for one in rule["condition"] for part in one.get(kind) or [] for value in part["values"]]
    for value in values:
        plain = value.removesuffix("*") if kind == "path_pattern" else value
        if "*" in plain or "?" in plain:
            raise ValueError(f"nobody plays the pattern {value}")
    return values
