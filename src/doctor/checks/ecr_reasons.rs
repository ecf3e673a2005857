//! Why the credential helper gives no login, by the words of AWS and of Go's SDK, and what to do about each.

use crate::exit::hint::{Advice, topics};

topics! {
    DENIED: "ecr-denied",
        "allow the role of this instance `ecr:GetAuthorizationToken` on `*`, and `ecr:BatchCheckLayerAvailability`, \
         `ecr:GetDownloadUrlForLayer` and `ecr:BatchGetImage` on its repositories; a VPC endpoint policy may also deny them";
    NO_CREDENTIALS: "ecr-without-credentials",
        "check that the instance has an instance profile: `cos-agent doctor --only metadata`; remove /root/.aws if it holds \
         credentials of somebody else";
    NETWORK: "ecr-unreachable",
        "check the way to {endpoint}: `getent hosts {endpoint}` and `curl -sv https://{endpoint}`; a subnet without internet \
         needs the VPC endpoints `ecr.api` and `ecr.dkr`, and the gateway endpoint of S3";
    TRUST: "ecr-not-trusted",
        "check the clock with `date -u`, and the trust store with `curl -sv https://{endpoint}`: a proxy may present its own \
         certificate";
    CLOCK: "ecr-clock", "check the clock with `date -u`; AWS rejects signatures that are 5 minutes off";
    THROTTLED: "ecr-throttled", "run `cos-agent doctor --only ecr-token` again in a minute: AWS throttles the calls of this account";
    OTHER: "ecr-helper-fails",
        "run `echo {registry} | docker-credential-ecr-login get >/dev/null` as root, then look at ~/.ecr/log/ecr-login.log or \
         ~/.cache/ecr/log/ecr-login.log";
    NOT_RUN: "ecr-helper-not-run",
        "run `docker-credential-ecr-login version`; if that fails, install the package `amazon-ecr-credential-helper` of this \
         architecture in the image";
}

/// The endpoint of ECR's API, which has the region and the domain of the registry: `ACCOUNT.dkr.ecr.REGION.DOMAIN`.
pub(super) fn endpoint(registry: &str) -> String {
    let place = registry.split_once(".dkr.ecr.").map_or(registry, |(_, place)| place);
    format!("api.ecr.{place}")
}

/// The end of the SDK's chain of errors says most: what stands behind `operation error ECR: GetAuthorizationToken, `.
pub(super) fn telling(reason: &str) -> String {
    let end = reason.rsplit("GetAuthorizationToken, ").next().unwrap_or(reason);
    // A denial names the action again: keep the sentence whole.
    let end = if end.len() < 20 { reason } else { end };
    end.chars().take(200).collect()
}

/// What to do, by the words of AWS and of Go's SDK.
pub(super) fn advice(reason: &str, endpoint: &str, registry: &str) -> Advice {
    let words = reason.to_ascii_lowercase();
    let says = |any: &[&str]| any.iter().any(|one| words.contains(one));
    let topic = if says(&["accessdenied", "not authorized", "unauthorizedoperation"]) {
        DENIED
    } else if says(&["throttl", "rate exceeded", "requestlimitexceeded"]) {
        THROTTLED
    } else if says(&[
        "signature expired",
        "signaturedoesnotmatch",
        "requestexpired",
        "not yet current",
    ]) {
        CLOCK
    } else if says(&["x509", "certificate"]) {
        TRUST
    } else if says(&[
        "imds",
        "no valid providers",
        "nocredentialproviders",
        "failed to retrieve credentials",
        "failed to refresh cached credentials",
        "expiredtoken",
        "invalidclienttokenid",
        "unrecognizedclient",
    ]) {
        NO_CREDENTIALS
    } else if says(&[
        "dial tcp",
        "no such host",
        "timeout",
        "deadline exceeded",
        "connection re",
        "eof",
    ]) {
        NETWORK
    } else {
        OTHER
    };
    topic.with(&[("endpoint", &endpoint), ("registry", &registry)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_endpoint_has_the_region_and_the_domain_of_the_registry() {
        let registry = "1.dkr.ecr.cn-north-1.amazonaws.com.cn";
        assert_eq!(endpoint(registry), "api.ecr.cn-north-1.amazonaws.com.cn");
    }

    #[test]
    fn a_short_end_of_the_chain_is_shown_with_what_stands_before_it() {
        let before = "operation error ECR: GetAuthorizationToken, ";
        assert_eq!(telling(&format!("{before}EOF")), format!("{before}EOF"));
        let end = "api error ThrottlingException: Rate exceeded";
        assert_eq!(telling(&format!("{before}{end}")), end);
        assert_eq!(telling("credentials not found"), "credentials not found");
        assert_eq!(telling(&"x".repeat(500)).len(), 200);
    }
}
