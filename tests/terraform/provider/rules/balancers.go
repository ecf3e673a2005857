package rules

import "fmt"

const (
	balancingAPI = "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/"
	acmImport    = "https://docs.aws.amazon.com/acm/latest/APIReference/API_ImportCertificate.html"
)

var (
	balancerName   = both(length(1, 32), matches(`^[A-Za-z0-9-]*$`, "letters, digits and hyphens"), not(`^-|-$`, "expected no hyphen at the ends"), not(`^internal-`, "expected a name without the prefix internal-"))
	targetName     = both(length(1, 32), matches(`^[A-Za-z0-9-]*$`, "letters, digits and hyphens"), not(`^-|-$`, "expected no hyphen at the ends"))
	balancerPrefix = both(length(1, 6), matches(`^[A-Za-z0-9-]*$`, "letters, digits and hyphens"), not(`^-`, "expected no hyphen at the start"))
	actionType     = oneOf("forward", "redirect", "fixed-response", "authenticate-cognito", "authenticate-oidc", "jwt-validation")
	statusCode     = matches(`^[245]\d\d$`, "a status code 2XX, 4XX or 5XX")
	redirectPort   = matches(`^(#\{port\}|\d{1,5})$`, "a port or #{port}")
	contentType    = oneOf("text/plain", "text/css", "text/html", "application/javascript", "application/json")
	redirectTo     = oneOf("HTTP_301", "HTTP_302")
	// An ARN of another kind is the usual mistake.
	balancerARN    = matches(`:loadbalancer/`, "the ARN of a load balancer")
	listenerARN    = matches(`:listener/`, "the ARN of a listener")
	targetARN      = matches(`:targetgroup/`, "the ARN of a target group")
	certificateARN = matches(`:(acm|iam):`, "the ARN of a certificate")
	pem            = matches(`^\s*-----BEGIN `, "PEM, which begins with -----BEGIN")
)

var balancerRules = []rule{
	{"aws_lb.name", balancerName, balancingAPI + "API_CreateLoadBalancer.html"},
	{"aws_lb.name_prefix", both(balancerPrefix, not(`^internal-`, "expected a prefix other than internal-")), docs + "resources/lb"},
	{"aws_lb", atMostOne("name", "name_prefix"), docs + "resources/lb"},
	{"aws_lb.load_balancer_type", oneOf("application", "network", "gateway"), balancingAPI + "API_CreateLoadBalancer.html"},
	{"aws_lb.ip_address_type", oneOf("ipv4", "dualstack", "dualstack-without-public-ipv4"), balancingAPI + "API_CreateLoadBalancer.html"},
	{"aws_lb", exactlyOne("subnets", "subnet_mapping"), balancingAPI + "API_CreateLoadBalancer.html"},
	{"aws_lb", block(twoZones), balancingAPI + "API_CreateLoadBalancer.html"},
	{"aws_lb.idle_timeout", between(1, 4000), balancingAPI + "API_LoadBalancerAttribute.html"},
	{"aws_lb.client_keep_alive", between(60, 604800), balancingAPI + "API_LoadBalancerAttribute.html"},
	{"aws_lb.desync_mitigation_mode", oneOf("monitor", "defensive", "strictest"), balancingAPI + "API_LoadBalancerAttribute.html"},
	{"aws_lb.xff_header_processing_mode", oneOf("append", "preserve", "remove"), balancingAPI + "API_LoadBalancerAttribute.html"},

	{"aws_lb_target_group.name", targetName, balancingAPI + "API_CreateTargetGroup.html"},
	{"aws_lb_target_group.name_prefix", balancerPrefix, docs + "resources/lb_target_group"},
	{"aws_lb_target_group", atMostOne("name", "name_prefix"), docs + "resources/lb_target_group"},
	{"aws_lb_target_group.target_type", oneOf("instance", "ip", "lambda", "alb"), balancingAPI + "API_CreateTargetGroup.html"},
	{"aws_lb_target_group.protocol", oneOf("HTTP", "HTTPS", "TCP", "TLS", "UDP", "TCP_UDP", "QUIC", "TCP_QUIC", "GENEVE"), balancingAPI + "API_CreateTargetGroup.html"},
	{"aws_lb_target_group.protocol_version", oneOf("HTTP1", "HTTP2", "GRPC"), balancingAPI + "API_CreateTargetGroup.html"},
	{"aws_lb_target_group.port", between(1, 65535), balancingAPI + "API_CreateTargetGroup.html"},
	{"aws_lb_target_group", when("target_type", "instance", []string{"instance", "ip", "alb"}, []string{"port", "protocol", "vpc_id"}, nil), docs + "resources/lb_target_group"},
	{"aws_lb_target_group.deregistration_delay", between(0, 3600), balancingAPI + "API_TargetGroupAttribute.html"},
	{"aws_lb_target_group", block(slowStart), balancingAPI + "API_TargetGroupAttribute.html"},
	{"aws_lb_target_group.load_balancing_algorithm_type", oneOf("round_robin", "least_outstanding_requests", "weighted_random"), balancingAPI + "API_TargetGroupAttribute.html"},
	{"aws_lb_target_group.health_check.protocol", oneOf("HTTP", "HTTPS", "TCP"), balancingAPI + "API_CreateTargetGroup.html"},
	{"aws_lb_target_group.health_check.interval", between(5, 300), balancingAPI + "API_CreateTargetGroup.html"},
	{"aws_lb_target_group.health_check.timeout", between(2, 120), balancingAPI + "API_CreateTargetGroup.html"},
	{"aws_lb_target_group.health_check.healthy_threshold", between(2, 10), balancingAPI + "API_CreateTargetGroup.html"},
	{"aws_lb_target_group.health_check.unhealthy_threshold", between(2, 10), balancingAPI + "API_CreateTargetGroup.html"},
	{"aws_lb_target_group.health_check.path", both(length(1, 1024), matches(`^/`, "a path such as /health")), balancingAPI + "API_CreateTargetGroup.html"},
	{"aws_lb_target_group.health_check.port", matches(`^(traffic-port|\d{1,5})$`, "a port or traffic-port"), balancingAPI + "API_CreateTargetGroup.html"},
	{"aws_lb_target_group.health_check.matcher", matches(`^\d{1,3}([,-]\d{1,3})*$`, "status codes such as 200 or 200-299"), balancingAPI + "API_Matcher.html"},
	{"aws_lb_target_group.health_check", block(healthCheck), balancingAPI + "API_CreateTargetGroup.html"},
	{"aws_lb_target_group.stickiness.type", oneOf("lb_cookie", "app_cookie", "source_ip", "source_ip_dest_ip", "source_ip_dest_ip_proto"), balancingAPI + "API_TargetGroupAttribute.html"},
	{"aws_lb_target_group.stickiness.cookie_duration", between(0, 604800), balancingAPI + "API_TargetGroupAttribute.html"},

	{"aws_lb_listener.load_balancer_arn", balancerARN, balancingAPI + "API_CreateListener.html"},
	{"aws_lb_listener.certificate_arn", certificateARN, balancingAPI + "API_Certificate.html"},
	{"aws_lb_listener.default_action.target_group_arn", targetARN, balancingAPI + "API_Action.html"},
	{"aws_lb_listener.protocol", oneOf("HTTP", "HTTPS", "TCP", "TLS", "UDP", "TCP_UDP", "QUIC", "TCP_QUIC"), balancingAPI + "API_CreateListener.html"},
	{"aws_lb_listener.port", between(1, 65535), balancingAPI + "API_CreateListener.html"},
	{"aws_lb_listener", when("protocol", "", []string{"HTTPS", "TLS"}, []string{"certificate_arn", "port"}, nil), balancingAPI + "API_CreateListener.html"},
	{"aws_lb_listener", when("protocol", "", []string{"HTTP", "TCP", "UDP", "TCP_UDP"}, []string{"port"}, []string{"certificate_arn", "ssl_policy"}), balancingAPI + "API_CreateListener.html"},
	{"aws_lb_listener.ssl_policy", matches(`^ELBSecurityPolicy-[A-Za-z0-9-]+$`, "a policy such as ELBSecurityPolicy-TLS13-1-2-2021-06"), balancingAPI + "API_CreateListener.html"},
	{"aws_lb_listener.default_action", block(listenerAction), docs + "resources/lb_listener"},
	{"aws_lb_listener.default_action.type", actionType, balancingAPI + "API_Action.html"},
	{"aws_lb_listener.default_action.redirect.status_code", redirectTo, balancingAPI + "API_RedirectActionConfig.html"},
	{"aws_lb_listener.default_action.redirect.protocol", oneOf("#{protocol}", "HTTP", "HTTPS"), balancingAPI + "API_RedirectActionConfig.html"},
	{"aws_lb_listener.default_action.redirect.port", redirectPort, balancingAPI + "API_RedirectActionConfig.html"},
	{"aws_lb_listener.default_action.fixed_response.content_type", contentType, balancingAPI + "API_FixedResponseActionConfig.html"},
	{"aws_lb_listener.default_action.fixed_response.status_code", statusCode, balancingAPI + "API_FixedResponseActionConfig.html"},
	{"aws_lb_listener.default_action.fixed_response.message_body", length(0, 1024), balancingAPI + "API_FixedResponseActionConfig.html"},

	{"aws_lb_listener_rule.listener_arn", listenerARN, balancingAPI + "API_CreateRule.html"},
	{"aws_lb_listener_rule.action.target_group_arn", targetARN, balancingAPI + "API_Action.html"},
	{"aws_lb_listener_rule", block(ruleValues), balancingAPI + "API_CreateRule.html"},
	{"aws_lb_listener_rule.priority", between(1, 50000), balancingAPI + "API_CreateRule.html"},
	{"aws_lb_listener_rule.action", block(listenerAction), docs + "resources/lb_listener_rule"},
	{"aws_lb_listener_rule.action.type", actionType, balancingAPI + "API_Action.html"},
	{"aws_lb_listener_rule.action.redirect.status_code", redirectTo, balancingAPI + "API_RedirectActionConfig.html"},
	{"aws_lb_listener_rule.action.fixed_response.content_type", contentType, balancingAPI + "API_FixedResponseActionConfig.html"},
	{"aws_lb_listener_rule.action.fixed_response.status_code", statusCode, balancingAPI + "API_FixedResponseActionConfig.html"},
	{"aws_lb_listener_rule.condition", exactlyOne("host_header", "http_header", "http_request_method", "path_pattern", "query_string", "source_ip"), docs + "resources/lb_listener_rule"},
	{"aws_lb_listener_rule.condition.path_pattern.values", each(length(1, 128)), balancingAPI + "API_RuleCondition.html"},
	{"aws_lb_listener_rule.condition.host_header.values", each(both(length(1, 128), matches(`^[A-Za-z0-9.*?-]+\.[A-Za-z]+$`, "a host such as *.example.com"))), balancingAPI + "API_HostHeaderConditionConfig.html"},
	{"aws_lb_listener_rule.condition.source_ip.values", each(ipv4(0, 32)), balancingAPI + "API_SourceIpConditionConfig.html"},

	{"aws_acm_certificate.validation_method", oneOf("DNS", "EMAIL", "NONE"), "https://docs.aws.amazon.com/acm/latest/APIReference/API_RequestCertificate.html"},
	{"aws_acm_certificate.domain_name", both(length(1, 253), matches(`^(\*\.)?([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}$`, "a name such as example.com")), "https://docs.aws.amazon.com/acm/latest/APIReference/API_RequestCertificate.html"},
	{"aws_acm_certificate", exactlyOne("domain_name", "private_key"), docs + "resources/acm_certificate"},
	{"aws_acm_certificate", needs("private_key", "certificate_body"), acmImport},
	{"aws_acm_certificate", block(imported), docs + "resources/acm_certificate"},
	{"aws_acm_certificate.certificate_body", pem, acmImport},
	{"aws_acm_certificate.certificate_chain", pem, acmImport},
	{"aws_acm_certificate.private_key", pem, acmImport},
}

// twoZones: one in one zone is refused, and each subnet has one zone.
func twoZones(balancer map[string]any) string {
	kind := balancer["load_balancer_type"]
	if kind != nil && kind != "application" {
		return ""
	}
	for _, name := range []string{"subnets", "subnet_mapping"} {
		if list, is := balancer[name].([]any); is && len(list) == 1 {
			return "expected subnets in at least two zones, found 1 subnet"
		}
	}
	return ""
}

// ruleValues: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html
func ruleValues(rule map[string]any) string {
	all := 0
	for _, path := range []string{"host_header.values", "path_pattern.values", "http_request_method.values", "source_ip.values"} {
		for _, values := range find(rule, "condition."+path) {
			list, _ := values.([]any)
			all += len(list)
		}
	}
	if all > 5 {
		return fmt.Sprintf("expected at most 5 values in the conditions of a rule, found %d", all)
	}
	return ""
}

// imported: nobody validates the domain of a certificate that is imported.
func imported(certificate map[string]any) string {
	if has(certificate, "private_key") && has(certificate, "validation_method") {
		return "expected no validation_method beside private_key"
	}
	return ""
}

func slowStart(group map[string]any) string {
	if seconds, is := number(group, "slow_start"); is && seconds != 0 && (seconds < 30 || seconds > 900) {
		return fmt.Sprintf("slow_start: expected 0, or 30 to 900, found %d", seconds)
	}
	return ""
}

func healthCheck(check map[string]any) string {
	if check["protocol"] == "TCP" && (has(check, "path") || has(check, "matcher")) {
		return "expected no path and no matcher, because protocol is \"TCP\""
	}
	timeout, hasTimeout := number(check, "timeout")
	interval, hasInterval := number(check, "interval")
	if !hasInterval {
		interval = 30
	}
	if hasTimeout && timeout >= interval && check["interval"] != any(nil) {
		return fmt.Sprintf("expected timeout < interval, found %d and %d", timeout, interval)
	}
	return ""
}

// listenerAction wants the block of its type, and for `forward` a target group at one of two places.
func listenerAction(members map[string]any) string {
	blocks := map[any]string{"redirect": "redirect", "fixed-response": "fixed_response", "authenticate-oidc": "authenticate_oidc", "authenticate-cognito": "authenticate_cognito"}
	if wanted := blocks[members["type"]]; wanted != "" && lacks(members, wanted) {
		return fmt.Sprintf("expected a block %s, because type is %q", wanted, members["type"])
	}
	if members["type"] == "forward" {
		return exactlyOne("target_group_arn", "forward")(members)
	}
	return ""
}
