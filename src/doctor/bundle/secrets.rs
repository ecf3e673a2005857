//! PURE: the secrets of this node as exact values: the forms in which each may stand in a text, and a text without them.

use crate::state::sha256;
use crate::text::secret::{MASK, looks_secret};
use aho_corasick::{AhoCorasick, BuildError, MatchKind};
use base64::Engine;
use base64::alphabet;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::{NO_PAD, STANDARD};
use std::collections::{BTreeMap, BTreeSet};

/// Shortest secret that is looked for by its value, in bytes. A shorter one would be found in ordinary words.
pub(super) const SHORTEST: usize = 8;

/// The secrets that are looked for.
#[derive(Debug)]
pub(super) struct Secrets {
    finder: AhoCorasick,
    /// What stands in place of each form, in the order of the forms.
    labels: Vec<String>,
    /// How many secrets there are.
    pub(super) count: usize,
}

impl Secrets {
    /// Secrets of at least [`SHORTEST`] bytes.
    pub(super) fn of(values: &BTreeSet<String>) -> Result<Self, BuildError> {
        let mut labels: BTreeMap<String, String> = BTreeMap::new();
        for value in values {
            let label = label(value);
            labels.extend(forms(value).into_iter().map(|form| (form, label.clone())));
        }
        let finder =
            AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(labels.keys())?;
        Ok(Self { finder, labels: labels.into_values().collect(), count: values.len() })
    }

    /// The text without any form of a secret, and how many there were.
    pub(super) fn taken_out(&self, text: &str) -> (String, usize) {
        let (mut out, mut kept, mut count) = (String::with_capacity(text.len()), 0, 0);
        for found in self.finder.find_iter(text) {
            out.push_str(&text[kept..found.start()]);
            out.push_str(&self.labels[found.pattern().as_usize()]);
            kept = found.end();
            count += 1;
        }
        out.push_str(&text[kept..]);
        (out, count)
    }

    /// Whether any form of a secret is in these bytes.
    pub(super) fn are_in(&self, bytes: &[u8]) -> bool {
        self.finder.is_match(bytes)
    }
}

/// What stands in place of a secret. The fingerprint of a random one shows whether two nodes have the same; that of a word
/// would give the word away.
fn label(value: &str) -> String {
    if looks_secret(value) {
        format!("sha256:{}", &sha256(value.as_bytes())[..8])
    } else {
        MASK.to_owned()
    }
}

/// A secret as it is, and as base64, hex, part of a URL, and part of JSON.
fn forms(secret: &str) -> BTreeSet<String> {
    let bytes = secret.as_bytes();
    let mut forms = BTreeSet::from([secret.to_owned()]);
    forms.extend(hexes(bytes));
    // The bytes of a key that is itself written in base64.
    if let Ok(key) = STANDARD.decode(secret)
        && key.len() >= 16
    {
        forms.extend(hexes(&key));
    }
    for alphabet in [alphabet::STANDARD, alphabet::URL_SAFE] {
        let engine = GeneralPurpose::new(&alphabet, NO_PAD);
        forms.extend((0..3).map(|before| base64_within(bytes, before, &engine)));
    }
    let form: String = form_urlencoded::byte_serialize(bytes).collect();
    let url = form.replace('+', "%20");
    forms.extend([lower_escapes(&form), lower_escapes(&url), form, url]);
    let json = serde_json::Value::from(secret).to_string();
    let json = json[1..json.len() - 1].to_owned();
    // Go escapes these for HTML as well.
    let go = json.replace('&', "\\u0026").replace('<', "\\u003c").replace('>', "\\u003e");
    forms.extend([json, go]);
    forms
}

fn hexes(bytes: &[u8]) -> [String; 2] {
    [hex::encode(bytes), hex::encode_upper(bytes)]
}

/// The part of a base64 text that is the same whatever stands around these bytes, if a multiple of three and `before` bytes
/// stand in front of them.
fn base64_within(bytes: &[u8], before: usize, engine: &GeneralPurpose) -> String {
    let all = [&[0, 0][..before], bytes].concat();
    let text = engine.encode(&all);
    let (first, end) = ((before * 8).div_ceil(6), all.len() * 8 / 6);
    text[first..end].to_owned()
}

/// `%2F` as `%2f`.
fn lower_escapes(url: &str) -> String {
    let mut parts = url.split('%');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (escape, rest) = part.split_at(part.len().min(2));
        out.push('%');
        out.push_str(&escape.to_ascii_lowercase());
        out.push_str(rest);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};

    fn secrets(values: &[&str]) -> Secrets {
        Secrets::of(&values.iter().map(|value| (*value).to_owned()).collect()).unwrap()
    }

    #[test]
    fn every_form_of_a_secret_is_found_and_taken_out() {
        let word = "a/ß+ <hush> \"&?";
        let key = "3q2+7wABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhs=";
        let secrets = secrets(&[word, key]);
        let bytes = STANDARD.decode(key).unwrap();
        let basic: Vec<String> = ["", "u:", "us:", "use:"]
            .iter()
            .map(|user| STANDARD.encode(format!("{user}{word}:x")))
            .collect();
        for text in [
            word.to_owned(),
            STANDARD.encode(word),
            URL_SAFE.encode(word),
            URL_SAFE_NO_PAD.encode(format!("x{key}")),
            hex::encode(word),
            hex::encode_upper(word),
            hex::encode(&bytes),
            form_urlencoded::byte_serialize(word.as_bytes()).collect(),
            "a%2f%c3%9f%2b%20%3chush%3e%20%22%26%3f".to_owned(),
            serde_json::to_string(word).unwrap(),
            "a/ß+ \\u003chush\\u003e \\\"\\u0026?".to_owned(),
        ]
        .into_iter()
        .chain(basic)
        {
            let around = format!("before {text} after");
            assert!(secrets.are_in(around.as_bytes()), "{text}");
            let (shown, count) = secrets.taken_out(&around);
            assert_eq!(count, 1, "{shown}");
            assert!(!secrets.are_in(shown.as_bytes()) && !shown.contains("hush"), "{shown}");
            assert!(shown.starts_with("before ") && shown.ends_with(" after"), "{shown}");
        }
    }

    #[test]
    fn a_random_secret_leaves_a_fingerprint_and_a_word_leaves_none() {
        let (uuid, word) = ("5d7f4f9e-1c3b-4a55-9d0e-0123456789ab", "hush-hush");
        let secrets = secrets(&[uuid, word]);
        let fingerprint = &sha256(uuid.as_bytes())[..8];
        let (shown, count) = secrets.taken_out(&format!("{uuid} {word} {uuid}"));
        assert_eq!((shown, count), (format!("sha256:{fingerprint} … sha256:{fingerprint}"), 3));
    }

    #[test]
    fn without_secrets_a_text_stays() {
        let none = secrets(&[]);
        assert_eq!(none.taken_out("text"), ("text".to_owned(), 0));
        assert!(!none.are_in(b"text"));
    }
}
