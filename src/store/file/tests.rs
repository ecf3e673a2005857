use super::*;
use crate::state::{Daemon, PathKind};
use crate::store::{Writer, formed};
use crate::text::secret::masked;
use std::collections::BTreeMap;

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Notes {
    count: u8,
    #[serde(deserialize_with = "known_entries")]
    lines: Vec<Line>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Line {
    text: String,
}

const ENTRY: Entry = Entry {
    path: "/var/lib/test/notes.json",
    schema: Schema::Named("cos-agent/notes/1"),
    mode: 0o644,
    writers: &[Writer::Apply],
    what: "notes",
};
static NOTES: StateFile<Notes> = StateFile::of(&ENTRY);
static PRIVATE: StateFile<Notes> = StateFile::of(&Entry { mode: 0o600, ..ENTRY });

fn notes() -> Notes {
    Notes { count: 1, lines: vec![Line { text: "token = \"hush\"".to_owned() }] }
}

fn masked_notes() -> Notes {
    Notes { count: 1, lines: vec![Line { text: masked("token = \"hush\"").into_owned() }] }
}

fn disk() -> (tempfile::TempDir, Root) {
    let directory = tempfile::tempdir().unwrap();
    let root = Root::at(directory.path());
    (directory, root)
}

fn found(root: &Root, text: &str) -> Stored<Notes> {
    root.write(ENTRY.path, text.as_bytes(), 0o644).unwrap();
    NOTES.load(root).unwrap()
}

#[test]
fn what_was_saved_is_loaded_and_what_everybody_may_read_holds_no_secret() {
    let (_directory, root) = disk();
    assert_eq!(NOTES.load(&root).unwrap(), Stored::Absent);
    NOTES.save(&root, &notes()).unwrap();
    assert_eq!(NOTES.load(&root).unwrap(), Stored::Known(masked_notes()));
    let text = String::from_utf8(root.read(ENTRY.path).unwrap().unwrap()).unwrap();
    assert!(text.contains("\"schema\": \"cos-agent/notes/1\"") && !text.contains("hush"), "{text}");
    assert_eq!(root.stat(ENTRY.path).unwrap().unwrap().mode, 0o644);

    PRIVATE.save(&root, &notes()).unwrap();
    assert_eq!(NOTES.known(&root), Some(notes()));
    assert_eq!(root.stat(ENTRY.path).unwrap().unwrap().mode, 0o600);
}

#[test]
fn what_cannot_be_used_is_told_from_nothing_and_names_no_value() {
    let (_directory, root) = disk();
    NOTES.save(&root, &notes()).unwrap();
    let whole = String::from_utf8(root.read(ENTRY.path).unwrap().unwrap()).unwrap();
    let schema = r#""schema": "cos-agent/notes/1""#;
    for broken in [
        String::new(),
        "{".to_owned(),
        "[]".to_owned(),
        "\0\0\0\0".to_owned(),
        whole[..whole.len() / 2].to_owned(),
        "{}".to_owned(),
        format!("{{{schema}}}"),
        format!(r#"{{{schema}, "count": "hush", "lines": []}}"#),
        format!(r#"{{{schema}, "count": 1, "lines": "hush"}}"#),
        r#"{"schema": 1, "count": 1, "lines": []}"#.to_owned(),
        r#"{"schema": "hush", "count": 1, "lines": []}"#.to_owned(),
        r#"{"schema": "cos-agent/hush hush/1", "count": 1, "lines": []}"#.to_owned(),
    ] {
        let stored = found(&root, &broken);
        let Stored::Unusable(why @ Unusable::Broken { .. }) = &stored else {
            panic!("{broken:?}: {stored:?}")
        };
        let words = why.to_string();
        assert!(words.starts_with("does not parse: ") && !words.contains("hush"), "{words}");
        assert_eq!(NOTES.known(&root), None, "{broken:?}");
    }
    let other = found(&root, r#"{"schema": "cos-agent/notes/2", "count": "many"}"#);
    let expected = "has the schema cos-agent/notes/2, expected cos-agent/notes/1";
    let Stored::Unusable(why) = other else { panic!("{other:?}") };
    assert_eq!(why.to_string(), expected);
}

#[test]
fn loading_writes_nothing() {
    let (_directory, root) = disk();
    let newer = r#"{"schema": "cos-agent/notes/2"}"#;
    found(&root, newer);
    NOTES.known(&root);
    NOTES.load(&root).unwrap();
    assert_eq!(root.read(ENTRY.path).unwrap().as_deref(), Some(newer.as_bytes()));
}

#[test]
fn keys_and_entries_of_a_newer_agent_are_passed_over() {
    let (_directory, root) = disk();
    let newer = r#"{"schema": "cos-agent/notes/1", "count": 1, "mood": "fine",
        "lines": [{"picture": 7}, {"text": "a", "colour": 3}, 5]}"#;
    let lines = vec![Line { text: "a".to_owned() }];
    assert_eq!(found(&root, newer), Stored::Known(Notes { count: 1, lines }));
}

#[test]
fn a_file_without_schema_is_read_as_it_is() {
    static PLAIN: StateFile<BTreeMap<String, u8>> =
        StateFile::of(&Entry { schema: Schema::Unnamed, ..ENTRY });
    let (_directory, root) = disk();
    let value = BTreeMap::from([("a".to_owned(), 1)]);
    PLAIN.save(&root, &value).unwrap();
    assert_eq!(PLAIN.known(&root), Some(value));
}

#[test]
fn a_directory_in_its_place_is_an_error_and_is_left_alone() {
    let (_directory, root) = disk();
    root.make_directory(ENTRY.path, 0o755, None).unwrap();
    assert_eq!(NOTES.load(&root).unwrap_err().operation, "read");
    assert_eq!(NOTES.known(&root), None);
    NOTES.save(&root, &notes()).unwrap_err();
    assert_eq!(root.stat(ENTRY.path).unwrap().unwrap().kind, PathKind::Directory);
}

#[test]
fn a_half_written_file_beside_it_counts_for_nothing() {
    let (_directory, root) = disk();
    NOTES.save(&root, &Notes::default()).unwrap();
    root.write("/var/lib/test/.notes.json.cos-agent-writing", b"{", 0o600).unwrap();
    assert_eq!(NOTES.known(&root), Some(Notes::default()));
    assert!(root.has_leftover(ENTRY.path).unwrap());
    ENTRY.sweep(&root).unwrap();
    assert!(!root.has_leftover(ENTRY.path).unwrap());
    assert_eq!(NOTES.known(&root), Some(Notes::default()));
}

#[test]
fn what_cannot_be_serialized_is_an_error_and_replaces_nothing() {
    // JSON has no map with such keys, and a list has no place for a schema.
    static MAP: StateFile<BTreeMap<Vec<u8>, u8>> = StateFile::of(&ENTRY);
    static LIST: StateFile<Vec<u8>> = StateFile::of(&ENTRY);
    let (_directory, root) = disk();
    NOTES.save(&root, &notes()).unwrap();
    let error = MAP.save(&root, &BTreeMap::from([(vec![1], 1)])).unwrap_err();
    assert!(error.to_string().starts_with("cannot serialize "), "{error}");
    LIST.save(&root, &vec![1]).unwrap_err();
    assert_eq!(NOTES.known(&root), Some(masked_notes()));
}

#[test]
fn of_several_files_that_are_saved_together_only_those_that_differ_are_written() {
    let (_directory, root) = disk();
    NOTES.save(&root, &notes()).unwrap();
    let formed = formed::Formed { instance: "i-1".to_owned(), daemon: Daemon::Consul, checked: 7 };
    let mut batch = Batch::new(&root);
    batch.add(&NOTES, &notes()).unwrap();
    batch.add(&formed::FILE, &formed).unwrap();
    let paths: Vec<_> = batch.changed.iter().map(|(entry, _)| entry.path).collect();
    assert_eq!(paths, [formed::FILE.path()]);
    batch.save().unwrap();
    assert_eq!(formed::FILE.known(&root), Some(formed));
}

#[test]
fn a_file_that_may_not_be_read_is_absent() {
    let (_directory, root) = disk();
    let denied = |kind| {
        let path = root.path(ENTRY.path.as_ref());
        NOTES.stored(Err(FileError { operation: "read", path, source: kind }))
    };
    let error = denied(io::Error::from(ErrorKind::PermissionDenied));
    assert_eq!(error.unwrap(), Stored::Absent);
    denied(io::Error::from(ErrorKind::InvalidData)).unwrap_err();
}
