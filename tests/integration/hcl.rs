//! The keys that are found in operators' files, beside those that the daemons' own reader finds: the same, or "cannot follow".

use crate::support::programs;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cos_agent::plan::node::conflicts::{self, Setting};
use cos_agent::state::Daemon;
use fastrand::Rng;
use serde::Deserialize;
use std::io::Write;
use std::process::{Command, Stdio};

/// How many files are made, and of what they are made.
const FILES: u64 = 100_000;

#[derive(Deserialize)]
struct Found {
    path: Vec<String>,
    off: bool,
}

/// Asks HCL's own reader; `None` for a file that it refuses.
fn oracle(files: &[String]) -> Vec<Option<Vec<Setting>>> {
    let mut program = Command::new(programs::hcl_keys())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut questions = program.stdin.take().unwrap();
    let output = std::thread::scope(|scope| {
        scope.spawn(move || {
            for file in files {
                writeln!(questions, "{}", STANDARD.encode(file)).unwrap();
            }
        });
        program.wait_with_output().unwrap()
    });
    assert!(output.status.success());
    let answers = String::from_utf8(output.stdout).unwrap();
    let answer = |line| {
        let found: Option<Vec<Found>> = serde_json::from_str(line).unwrap();
        found.map(|all| all.into_iter().map(|Found { path, off }| Setting { path, off }).collect())
    };
    answers.lines().map(answer).collect()
}

#[test]
fn the_keys_of_a_hundred_thousand_files_are_those_that_the_daemons_find() {
    let made: Vec<(String, bool)> =
        (0..FILES).map(|seed| Maker(Rng::with_seed(seed)).file()).collect();
    let files: Vec<String> = made.iter().map(|(file, _)| file.clone()).collect();
    let answers = oracle(&files);
    assert_eq!(answers.len(), files.len());
    let (mut same, mut not_followed, mut refused, mut wrong) = (0, 0, 0, Vec::new());
    for ((file, is_plain), theirs) in made.iter().zip(answers) {
        let ours = conflicts::settings(Daemon::Nomad, "/etc/nomad.d/x.hcl", file.as_bytes());
        match (ours, theirs) {
            (Ok(ours), Some(theirs)) if ours == theirs => same += 1,
            (Err(_), Some(_)) if !is_plain => not_followed += 1,
            // The daemon does not start with it, and its validator says so.
            (_, None) if !is_plain => refused += 1,
            (ours, theirs) => {
                wrong.push(format!("{file:?}\n  ours:   {ours:?}\n  theirs: {theirs:?}"))
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} are wrong; the shortest:
{}",
        wrong.len(),
        wrong.iter().min_by_key(|one| one.len()).unwrap()
    );
    assert!(
        same > 50_000 && refused > 5_000 && not_followed < 5_000,
        "{same} the same, {not_followed} not followed, {refused} that HCL refuses: too much alike"
    );
}

/// Makes files from a seed.
struct Maker(Rng);

impl Maker {
    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.0.usize(..of.len())]
    }

    /// A file, and whether every reader of HCL has to take it.
    fn file(&mut self) -> (String, bool) {
        let mut text = if self.0.u8(..5) == 0 { self.json(3) } else { self.items(3) };
        let cuts = if self.0.bool() { 0 } else { self.0.usize(1..4) };
        for _ in 0..cuts {
            text = self.cut(&text);
        }
        (text, cuts == 0)
    }

    /// The text with something else in one place.
    fn cut(&mut self, text: &str) -> String {
        let mut chars: Vec<char> = text.chars().collect();
        let at = self.0.usize(..=chars.len());
        let strange: Vec<char> =
            "{}[]=\",\\$<>-_/*#.:\n\r\t 019aExé\u{feff}\0\u{a0}'+".chars().collect();
        match self.0.u8(..4) {
            0 => chars.insert(at, strange[self.0.usize(..strange.len())]),
            1 if at < chars.len() => drop(chars.remove(at)),
            2 => {
                let end = self.0.usize(at..=chars.len().min(at + 12));
                let again: Vec<char> = chars[at..end].to_vec();
                chars.splice(at..at, again);
            }
            _ if self.0.u8(..4) == 0 => chars.truncate(at),
            _ => {
                let piece = self.one(&[
                    "/*", "*/", "<<E\n", "<<-E\n", "\nE\n", "${", "\r\n", "= {", "0x1f", "1e5",
                    "-.5",
                ]);
                chars.splice(at..at, piece.chars());
            }
        }
        chars.into_iter().collect()
    }

    fn gap(&mut self) -> &'static str {
        self.one(&["", " ", "  ", "\t", " /* x = { */ "])
    }

    fn end(&mut self) -> &'static str {
        self.one(&[
            "\n",
            "\n",
            "\n\n",
            "\r\n",
            " ",
            ",",
            ",\n",
            " # server = true\n",
            " // }\n",
            "\n/* a\n b */\n",
        ])
    }

    fn items(&mut self, depth: u32) -> String {
        let count = self.0.usize(..5);
        let items: Vec<String> = (0..count).map(|_| self.item(depth) + self.end()).collect();
        // HCL takes what begins with a brace for JSON.
        items.concat()
    }

    fn key(&mut self) -> String {
        let word = self.one(&[
            "server",
            "Enabled",
            "retry_join",
            "a.b",
            "data-dir",
            "_x",
            "x1",
            "ports",
            "truely",
        ]);
        match self.0.u8(..3) {
            0 => format!("\"{word}\""),
            1 => self
                .one(&[
                    "\"driver.raw_exec.enable\"",
                    "\"*\"",
                    "\"/bin\"",
                    "\"team/name\"",
                    "\"\"",
                    "k",
                ])
                .to_owned(),
            _ => word.to_owned(),
        }
    }

    fn item(&mut self, depth: u32) -> String {
        let (key, gap) = (self.key(), self.gap());
        match self.0.u8(..6) {
            0 if depth > 0 => format!("{key}{gap}{{{}}}", self.body(depth - 1)),
            1 if depth > 0 => {
                let label = self.one(&["\"docker\"", "\"a b\"", "label"]);
                format!("{key} {label} {gap}{{{}}}", self.body(depth - 1))
            }
            _ => format!("{key}{gap}={gap}{}", self.value(depth)),
        }
    }

    fn body(&mut self, depth: u32) -> String {
        self.one(&["", " ", "\n"]).to_owned() + &self.items(depth)
    }

    fn value(&mut self, depth: u32) -> String {
        match self.0.u8(..8) {
            0 => self
                .one(&["true", "false", "0", "1", "-17", "8500", "1.5", "12345678901234567890"])
                .to_owned(),
            1 if depth > 0 => format!("{{{}}}", self.body(depth - 1)),
            2 if depth > 0 => {
                let items: Vec<String> =
                    (0..self.0.usize(..4)).map(|_| self.value(depth - 1)).collect();
                let end = self.one(&["", ",", "\n", " # x\n"]);
                format!("[{}{end}]", items.join(self.one(&[",", ", ", ",\n"])))
            }
            3 => self
                .one(&[
                    "<<EOF\nserver = true\n}\nEOF\n",
                    "<<-END_1\n  a \"b\n  END_1\n",
                    "<<E\r\nx\r\nE\r\n",
                ])
                .to_owned(),
            _ => self
                .one(&[
                    "\"\"",
                    "\"false\"",
                    "\"0\"",
                    "\"/opt/nomad\"",
                    "\"provider=aws tag_key=x\"",
                    "\"{ server = true }\"",
                    "\"# no comment\"",
                    "\"// }\"",
                    "\"${env \"X\"}\"",
                    "\"${a{b}c\nd}\"",
                    "\"\\\"}\\\\\"",
                    "\"\\u00e9\\x41\\101\\n\"",
                    "\"ü \u{1f980}\"",
                    "\"$\"",
                    "\"$${x}\"",
                ])
                .to_owned(),
        }
    }

    fn json(&mut self, depth: u32) -> String {
        let items: Vec<String> = (0..self.0.usize(..4))
            .map(|_| {
                let key = self.one(&["server", "enabled", "a.b", "retry_join", "é", "x y"]);
                format!("\"{key}\"{}:{}", self.one(&["", " "]), self.json_value(depth))
            })
            .collect();
        format!("{{{}}}{}", items.join(self.one(&[",", ",\n  "])), self.one(&["", "\n"]))
    }

    fn json_value(&mut self, depth: u32) -> String {
        match self.0.u8(..6) {
            0 if depth > 0 => self.json(depth - 1),
            1 if depth > 0 => {
                let items: Vec<String> =
                    (0..self.0.usize(..3)).map(|_| self.json(depth - 1)).collect();
                format!("[{}]", items.join(", "))
            }
            2 => "[\"x\", 1, \"y\"]".to_owned(),
            _ => self
                .one(&[
                    "true",
                    "false",
                    "0",
                    "-1.5",
                    "null",
                    "\"x\"",
                    "\"false\"",
                    "\"\\n\"",
                    "\"${\"",
                    "[]",
                    "\"}\"",
                ])
                .to_owned(),
        }
    }
}
