//! The layers of settings. Each is read strictly; they are merged in order, and each value keeps its source.

use super::{Settings, SettingsError};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value};
use std::collections::BTreeMap;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// One source of settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// Its name for people: a path, `user data`, or a part of it.
    pub name: String,
    /// Its text.
    pub text: String,
}

impl Layer {
    /// A layer from the bytes of a file, without the byte order mark.
    pub fn of_bytes(name: String, bytes: &[u8]) -> Result<Self, SettingsError> {
        match crate::text::decoded(bytes) {
            Some(text) => Ok(Self { name, text: text.into_owned() }),
            None => {
                let offset = bytes.utf8_chunks().next().map_or(0, |chunk| chunk.valid().len());
                Err(SettingsError::Encoding { name, offset })
            }
        }
    }
}

/// Where a value was set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The name of the layer.
    pub name: String,
    /// The line in it, counted from 1.
    pub line: usize,
}

/// The merged settings, and the source of every value that is not a default.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Layers {
    /// The merged settings.
    pub settings: Settings,
    /// Dotted key → source.
    pub sources: BTreeMap<String, Source>,
}

/// Reads one layer strictly.
pub fn parse(layer: &Layer) -> Result<Map<String, Value>, SettingsError> {
    let refuse = |error: toml::de::Error| refused(layer, &error);
    toml::from_str::<Settings>(&layer.text).map_err(refuse)?;
    object(layer, DeTable::parse(&layer.text).map_err(refuse)?.get_ref())
}

/// Merges layers, later ones over earlier ones, table by table and key by key.
pub fn merge(layers: &[Layer]) -> Result<Layers, SettingsError> {
    let mut merged = Map::new();
    let mut sources = BTreeMap::new();
    for layer in layers {
        overlay(&mut merged, parse(layer)?);
        if let Ok(spans) = DeTable::parse(&layer.text) {
            note_sources(spans.get_ref(), "", layer, &mut sources);
        }
    }
    let settings = serde_json::from_value(Value::Object(merged))
        .map_err(|error| SettingsError::Merged { problem: error.to_string() })?;
    Ok(Layers { settings, sources })
}

fn overlay(lower: &mut Map<String, Value>, upper: Map<String, Value>) {
    for (key, value) in upper {
        match (lower.get_mut(&key), value) {
            (Some(Value::Object(lower)), Value::Object(upper)) => overlay(lower, upper),
            (_, value) => {
                lower.insert(key, value);
            }
        }
    }
}

fn object(layer: &Layer, table: &DeTable<'_>) -> Result<Map<String, Value>, SettingsError> {
    table.iter().map(|(key, item)| Ok((key.get_ref().to_string(), value(layer, item)?))).collect()
}

/// TOML as JSON, because Consul and Nomad read JSON. A value without a JSON type is refused with its line and column.
fn value(layer: &Layer, item: &Spanned<DeValue<'_>>) -> Result<Value, SettingsError> {
    let without_type = |what: &str| {
        let (line, column) = position(&layer.text, item.span().start);
        let problem = format!("expected a string, found {what}, which has no type in JSON");
        SettingsError::Layer { name: layer.name.clone(), line, column, problem, nearest: None }
    };
    Ok(match item.get_ref() {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Boolean(truth) => Value::Bool(*truth),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => number.into(),
            Err(_) => return Err(without_type("a number of more than 64 bits")),
        },
        DeValue::Float(number) => match number.as_str().parse().ok().and_then(Number::from_f64) {
            Some(number) => Value::Number(number),
            None => return Err(without_type("a number that is infinite or not a number")),
        },
        DeValue::Datetime(_) => return Err(without_type("a date")),
        DeValue::Array(items) => {
            Value::Array(items.iter().map(|item| value(layer, item)).collect::<Result<_, _>>()?)
        }
        DeValue::Table(table) => Value::Object(object(layer, table)?),
    })
}

fn note_sources(
    table: &DeTable<'_>,
    prefix: &str,
    layer: &Layer,
    sources: &mut BTreeMap<String, Source>,
) {
    for (key, value) in table {
        let dotted = if prefix.is_empty() {
            key.get_ref().to_string()
        } else {
            format!("{prefix}.{}", key.get_ref())
        };
        if let DeValue::Table(table) = value.get_ref() {
            note_sources(table, &dotted, layer, sources);
        } else {
            // A value that replaces a whole table replaces its sources too.
            let below = format!("{dotted}.");
            sources.retain(|known, _| !known.starts_with(&below));
            let (line, _) = position(&layer.text, key.span().start);
            sources.insert(dotted, Source { name: layer.name.clone(), line });
        }
    }
}

fn refused(layer: &Layer, error: &toml::de::Error) -> SettingsError {
    let Range { start, end } = error.span().unwrap_or(0..0);
    let (line, column) = position(&layer.text, start);
    let (mut problem, nearest) = words(error.message());
    // The message of the parser does not name the key.
    if problem == "duplicate key" {
        let key = layer.text.get(start..end).unwrap_or_default();
        problem = format!("duplicate key `{key}`");
    }
    SettingsError::Layer { name: layer.name.clone(), line, column, problem, nearest }
}

/// Line and column of a byte, both counted from 1, the column in characters.
fn position(text: &str, byte: usize) -> (usize, usize) {
    let byte =
        (0..=byte.min(text.len())).rev().find(|byte| text.is_char_boundary(*byte)).unwrap_or(0);
    let before = &text[..byte];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}

/// The message about an error of serde. For an unknown key, also the nearest valid key.
fn words(message: &str) -> (String, Option<String>) {
    let message = message.trim().replace('\n', ", ");
    let Some(rest) = message.strip_prefix("unknown field `") else { return (message, None) };
    let mut quoted = rest.split('`');
    let found = quoted.next().unwrap_or_default();
    let known: Vec<&str> = quoted.skip(1).step_by(2).collect();
    let nearest = crate::text::nearest(found, known.iter().copied());
    let problem = format!("unknown key `{found}`; valid keys: {}", known.join(", "));
    (problem, nearest.map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(name: &str, text: &str) -> Layer {
        Layer { name: name.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn later_layers_win_key_by_key_and_are_remembered() {
        let merged = merge(&[
            layer("low", "[nomad]\nlog_level = \"warn\"\nregion = \"a\"\n[consul.extra.limits]\na = 1\nb = 2\n"),
            layer("high", "\n[nomad]\nregion = \"b\"\n[consul.extra.limits]\nb = 3\n"),
        ])
        .unwrap();
        assert_eq!(merged.settings.nomad.region.as_deref(), Some("b"));
        assert_eq!(merged.settings.nomad.log_level, super::super::LogLevel::Warn);
        assert_eq!(merged.settings.consul.extra["limits"], serde_json::json!({"a": 1, "b": 3}));
        assert_eq!(merged.sources["nomad.region"], Source { name: "high".to_owned(), line: 3 });
        assert_eq!(merged.sources["nomad.log_level"], Source { name: "low".to_owned(), line: 2 });
        assert_eq!(
            merged.sources["consul.extra.limits.b"],
            Source { name: "high".to_owned(), line: 5 }
        );
    }

    #[track_caller]
    fn refused(text: &str, line: usize, column: usize, word: &str) {
        match parse(&layer("f", text)).unwrap_err() {
            SettingsError::Layer {
                line: found_line,
                column: found_column,
                problem,
                nearest,
                ..
            } => {
                assert_eq!((found_line, found_column), (line, column), "{problem}");
                assert!(format!("{problem} {nearest:?}").contains(word), "{problem} {nearest:?}");
            }
            other => panic!("{other}"),
        }
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_text() {
        let wide: Vec<u8> = "\u{feff}[ca]\n".encode_utf16().flat_map(u16::to_be_bytes).collect();
        for bytes in [&b"[ca]\n"[..], b"\xef\xbb\xbf[ca]\n", &wide] {
            assert_eq!(Layer::of_bytes("f".to_owned(), bytes).unwrap(), layer("f", "[ca]\n"));
        }
        let marked = Layer::of_bytes("f".to_owned(), b"\xef\xbb\xbf[nomda]\n").unwrap();
        let error = parse(&marked).unwrap_err().to_string();
        assert!(error.starts_with("f:1:2: "), "{error}");
        let error = Layer::of_bytes("f".to_owned(), b"[ca]\xe4").unwrap_err();
        assert_eq!(
            error.to_string(),
            "f: expected text in UTF-8, found an invalid byte at offset 4"
        );
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        refused("[nomad]\nregoin = \"x\"\n", 2, 1, "Some(\"region\")");
        refused("[nomda]\n", 1, 2, "Some(\"nomad\")");
        refused("[nomad]\nregion = 5\n", 2, 10, "string");
        refused("[nomad]\nregion = \n", 2, 10, "");
        refused("[nomad]\nversion = \"latest\"\n", 2, 11, "a version");
        refused("# ä\n[ca]\nregistries = [\"ok\", \"no/no\"]\n", 3, 14, "a registry");
        refused("[consul]\n[nomad]\n[consul]\n", 3, 2, "`consul`");
        refused("[nomad]\nregion = \"a\"\nregion = \"b\"\n", 3, 1, "`region`");
        refused("nomad = { region = \"a\", region = \"b\" }\n", 1, 25, "`region`");
        refused("[nomad.extra]\nx = 1979-05-27\n", 2, 5, "a date");
        refused("[nomad.extra]\nx = [1, inf]\n", 2, 9, "infinite");
    }
}
