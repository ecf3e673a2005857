//! Every error that advises what to do is in the registry, and every piece of advice has an id of its own.

use cos_agent::error::REGISTRY;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The Rust files below a directory.
fn sources(directory: &Path) -> Vec<String> {
    let mut texts = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            texts.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            // The tests of the trait have types of their own.
            texts.push(text.split("\n#[cfg(test)]\nmod tests").next().unwrap().to_owned());
        }
    }
    texts
}

#[test]
fn every_type_with_a_hint_is_registered() {
    let texts = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    let implemented: BTreeSet<&str> = texts
        .iter()
        .flat_map(|text| text.lines())
        .filter_map(|line| line.strip_prefix("impl Hint for "))
        .map(|rest| rest.trim_end_matches(" {"))
        .collect();
    let registered: BTreeSet<&str> =
        REGISTRY.iter().map(|known| (known.type_name)().rsplit("::").next().unwrap()).collect();
    assert_eq!(registered, implemented);
    assert_eq!(registered.len(), REGISTRY.len(), "a type stands twice in the registry");
}

#[test]
fn every_topic_has_an_id_of_its_own_in_kebab_case() {
    let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
    for known in REGISTRY {
        assert!(!known.topics.is_empty(), "{} has no topic", (known.type_name)());
        for topic in known.topics {
            let words: Vec<&str> = topic.id.split('-').collect();
            let is_kebab = words.iter().all(|word| {
                !word.is_empty()
                    && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
            });
            assert!(is_kebab, "{}", topic.id);
            assert!(!topic.text.trim().is_empty(), "{} has no text", topic.id);
            assert_eq!(seen.insert(topic.id, topic.text), None, "two topics are {}", topic.id);
        }
    }
}

#[test]
fn no_text_of_advice_stands_twice() {
    let texts: Vec<&str> =
        REGISTRY.iter().flat_map(|known| known.topics).map(|topic| topic.text).collect();
    let different: BTreeSet<&str> = texts.iter().copied().collect();
    assert_eq!(different.len(), texts.len());
}
