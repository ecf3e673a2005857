//! PURE: the files of a bundle, and each of them without secrets.

use super::secrets::Secrets;
use crate::text::secret::{
    MASK, file_masked, for_each_text, log_masked, mask_json, mask_json_strictly,
};
use crate::text::{count, decoded};
use serde_json::Value;

/// A file as it was collected.
#[derive(Debug, Clone)]
pub(super) struct Member {
    /// Its path in the bundle.
    pub(super) name: String,
    /// What it is, which decides how it loses its secrets.
    pub(super) form: Form,
    /// Its contents.
    pub(super) bytes: Vec<u8>,
    /// Whether a part is missing.
    pub(super) cut: Cut,
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A report or state of the agent, in JSON.
    Json,
    /// Configuration in JSON: every value that looks like a secret is one.
    Settings,
    /// Configuration in another form, and units.
    File,
    /// Lines of a log, or the output of a program.
    Log,
    /// What a test smuggles past the redaction.
    #[cfg(test)]
    Untouched,
}

/// Which part of a file is missing, because it is too large.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// None.
    Nothing,
    /// Its beginning.
    Start,
    /// Its end.
    End,
}

/// A file as it may leave the node.
#[derive(Debug, Clone)]
pub(super) struct Clean {
    /// Its path in the bundle.
    pub(super) name: String,
    /// Its contents.
    pub(super) bytes: Vec<u8>,
    /// Whether a part is missing.
    pub(super) is_cut: bool,
    /// How many secrets were taken out.
    pub(super) redactions: usize,
}

impl Member {
    /// A whole file.
    pub(super) fn whole(name: impl Into<String>, form: Form, bytes: impl Into<Vec<u8>>) -> Self {
        Self { name: name.into(), form, bytes: bytes.into(), cut: Cut::Nothing }
    }

    /// The file without the secrets of this node, and without what looks like one.
    pub(super) fn clean(self, secrets: &Secrets) -> Clean {
        let is_cut = self.cut != Cut::Nothing;
        #[cfg(test)]
        if self.form == Form::Untouched {
            return Clean { name: self.name, bytes: self.bytes, is_cut, redactions: 0 };
        }
        let (name, in_name) = secrets.taken_out(&self.name);
        let Some(text) = text(&self.bytes, self.form, is_cut) else {
            let bytes = format!("(not UTF-8: {})\n", count(self.bytes.len(), "byte")).into_bytes();
            return Clean { name, bytes, is_cut, redactions: in_name + 1 };
        };
        let (text, exact) = secrets.taken_out(whole_lines(&text, self.cut));
        let before = text.matches(MASK).count();
        let text = masked(&text, self.form);
        let by_rule = text.matches(MASK).count().saturating_sub(before);
        // JSON may have held a secret with other escapes, which are gone now.
        let (text, late) = secrets.taken_out(&text);
        let redactions = in_name + exact + by_rule + late;
        Clean { name, bytes: text.into_bytes(), is_cut, redactions }
    }
}

/// The contents as text. A cut may have gone through a character, and logs hold anything.
fn text(bytes: &[u8], form: Form, is_cut: bool) -> Option<String> {
    if is_cut || form == Form::Log {
        return Some(String::from_utf8_lossy(bytes).into_owned());
    }
    decoded(bytes).map(std::borrow::Cow::into_owned)
}

/// The whole lines of a text: half a secret at a cut would not be recognised.
fn whole_lines(text: &str, cut: Cut) -> &str {
    match cut {
        Cut::Nothing => text,
        Cut::Start => text.split_once('\n').map_or("", |(_, rest)| rest),
        Cut::End => text.rfind('\n').map_or("", |end| &text[..=end]),
    }
}

fn masked(text: &str, form: Form) -> String {
    let json = |mask: fn(&mut Value)| match serde_json::from_str::<Value>(text) {
        Ok(mut value) => {
            mask(&mut value);
            format!("{value:#}\n")
        }
        // Text that does not parse may hold a secret anywhere.
        Err(_) => format!("(not JSON: {}) {MASK}\n", count(text.len(), "byte")),
    };
    match form {
        Form::Json => json(|value| {
            mask_json(value);
            for_each_text(value, "", &mut |_, text| *text = log_masked(text));
        }),
        Form::Settings => json(mask_json_strictly),
        Form::File => file_masked(text),
        Form::Log => log_masked(text),
        #[cfg(test)]
        Form::Untouched => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clean(form: Form, text: &str, cut: Cut) -> (String, usize) {
        let secrets = Secrets::of(&["hush-hush".to_owned()].into()).unwrap();
        let member = Member { name: "x".to_owned(), form, bytes: text.into(), cut };
        let clean = member.clean(&secrets);
        (String::from_utf8(clean.bytes).unwrap(), clean.redactions)
    }

    #[test]
    fn each_form_loses_values_names_and_patterns() {
        for (form, text, expected, count) in [
            (Form::Log, "a hush-hush\ntoken=b AKIAIOSFODNN7EXAMPLE\n", "a …\ntoken=… …\n", 3),
            (
                Form::File,
                "tokens { agent = \"b\" }\nx = \"hush-hush\"",
                "tokens { agent = \"…\" }\nx = \"…\"",
                2,
            ),
            (Form::Settings, "{\"encrypt\":\"b\"}", "{\n  \"encrypt\": \"…\"\n}\n", 1),
            (Form::Json, "[\"-token b\"]", "[\n  \"-token …\"\n]\n", 1),
            (Form::Json, "[\"hush\\u002dhush\"]", "[\n  \"…\"\n]\n", 1),
            (Form::Json, "{\"token\": \"b", "(not JSON: 12 bytes) …\n", 1),
            (Form::Settings, "// hush\n{}", "(not JSON: 10 bytes) …\n", 1),
        ] {
            assert_eq!(clean(form, text, Cut::Nothing), (expected.to_owned(), count), "{text}");
        }
    }

    #[test]
    fn no_half_line_is_left_at_a_cut() {
        assert_eq!(clean(Form::Log, "hush\na\nhush", Cut::Start).0, "a\nhush");
        assert_eq!(clean(Form::Log, "a\nb\nhush-hus", Cut::End).0, "a\nb\n");
        assert_eq!(clean(Form::File, "hush-hus", Cut::End).0, "");
    }

    #[test]
    fn a_name_and_bytes_are_clean_too() {
        let secrets = Secrets::of(&["hush-hush".to_owned()].into()).unwrap();
        let member = Member::whole("config/hush-hush.json", Form::File, [0xff, 0xfe, 0xff]);
        let clean = member.clean(&secrets);
        assert_eq!((clean.name.as_str(), clean.redactions), ("config/….json", 2));
        assert_eq!(clean.bytes, b"(not UTF-8: 3 bytes)\n");
    }
}
