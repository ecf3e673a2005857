use super::*;
use serde_json::json;

const JWT: &str = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJodXNoIn0.c2lnbmF0dXJl";

#[test]
fn secrets_without_a_name_are_masked_in_files_and_logs() {
    for (text, hidden) in [
        (format!("got {JWT}, expired"), "hbGci"),
        (format!("cookie={JWT}"), "hbGci"),
        ("key AKIAIOSFODNN7EXAMPLE of x".to_owned(), "AKIA"),
        ("ASIAIOSFODNN7EXAMPLE:x".to_owned(), "ASIA"),
        ("hvs.CAESIJ0123456789abcdefghij".to_owned(), "CAES"),
        ("curl -H 'Bearer hush hush'".to_owned(), "Bearer hush"),
        ("consul members -token hush-hush".to_owned(), "hush"),
        ("docker login --password hush x".to_owned(), "hush"),
        ("X-Consul-Token: hush".to_owned(), "hush"),
        (
            "a\n-----BEGIN RSA PRIVATE KEY-----\nhush\nhush\n-----END RSA PRIVATE KEY-----\nb"
                .to_owned(),
            "hush",
        ),
        ("a -----BEGIN PRIVATE KEY-----\\nhush".to_owned(), "hush"),
        ("hush\nhush\n-----END EC PRIVATE KEY-----\nb".to_owned(), "hush"),
    ] {
        for masked in [file_masked(&text), log_masked(&text)] {
            assert!(!masked.contains(hidden) && masked.contains(MASK), "{masked}");
            assert_eq!(log_masked(&masked), masked, "what is masked stays so");
        }
    }
}

#[test]
fn what_is_no_secret_is_left() {
    for text in [
        "Bearer",
        "node 5d7f4f9e-1c3b-4a55-9d0e-0123456789ab joined",
        "run with -token-ttl 5m or -bind 10.0.0.1",
        "AKIA is a prefix; ASIA/Tokyo is not a key",
        "the file eyJ.x, 1.2.3.4:8300, ip-10-0-0-1.eu-central-1.compute.internal",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
    ] {
        assert_eq!(log_masked(text), text);
        assert_eq!(file_masked(text), text);
    }
}

#[test]
fn two_keys_are_both_masked_and_the_text_between_them_stays() {
    let key = "-----BEGIN PRIVATE KEY-----\nhush\n-----END PRIVATE KEY-----";
    let masked = log_masked(&format!("a\n{key}\nb\n{key}\nc"));
    assert!(!masked.contains("hush"), "{masked}");
    assert!(masked.contains("\nb\n") && masked.ends_with("\nc"), "{masked}");
    assert_eq!(private_keys(&format!("{key}\n{key}")), ["hush", "hush"]);
}

#[test]
fn an_open_quote_of_a_log_hides_its_line_alone() {
    assert_eq!(log_masked("password: 'a b\nnext"), "password: '…\nnext");
}

#[test]
fn json_is_masked_by_name_and_by_look() {
    let mut value = json!({
        "acl": { "tokens": { "agent": "hush" } },
        "list": [{ "secret_key": "hush" }, "5d7f4f9e-1c3b-4a55-9d0e-0123456789ab"],
        "words": ["consul -token hush", "plain"],
        "encrypt": "sha256:01234567",
    });
    mask_json_strictly(&mut value);
    let text = value.to_string();
    assert!(!text.contains("hush") && !text.contains("5d7f"), "{text}");
    assert!(text.contains("plain") && text.contains("sha256:01234567"), "{text}");
}

#[test]
fn the_values_of_a_file_are_found_by_name_alone() {
    let text = "encrypt = \"aaa\"\ntokens { agent = \"bbb\" }\npassword = <<E\nccc\nE\nvalue: \"ddd\"\nx = \"eee\"";
    let mut found = values(text);
    found.retain(|value| !value.starts_with("<<"));
    assert_eq!(found, ["aaa", "bbb", "ccc"]);
}

#[test]
fn no_text_is_too_strange() {
    let pieces = [
        MARKER,
        END,
        "-----",
        "-----BEGIN ",
        "\n",
        "eyJ",
        ".",
        "-token",
        " ",
        "AKIA",
        "é",
        "'",
        "Bearer",
        "x",
    ];
    for seed in 0..20_000 {
        let mut random = fastrand::Rng::with_seed(seed);
        let text: String =
            (0..random.usize(..20)).map(|_| pieces[random.usize(..pieces.len())]).collect();
        let masked = (file_masked(&text), log_masked(&text), values(&text).len());
        assert!(masked.0.len() <= 4 * text.len() + 60, "{text:?}");
    }
}
