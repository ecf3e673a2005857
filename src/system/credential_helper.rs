//! docker's credential helper for ECR, run as Nomad runs it (<https://github.com/awslabs/amazon-ecr-credential-helper>). It says
//! only that it found no credentials; the reason is in its log.

use super::command::{Call, CommandError};
use super::root;
use super::scratch::Scratch;
use serde::Deserialize;
use std::path::Path;
use std::time::{Duration, Instant};

/// The program: docker puts `docker-credential-` in front of the name in `credHelpers`.
pub const PROGRAM: &str = "docker-credential-ecr-login";
/// Where the helper's home directory of one run is: in memory.
const HOME: &str = "/run";

/// How a run of the helper ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It gave credentials, which are not kept.
    Given,
    /// It gave none; its words.
    Refused(String),
    /// It did not end in time.
    Silent,
}

/// A run of the helper.
#[derive(Debug, Clone)]
pub struct Ran {
    /// How it ended.
    pub outcome: Outcome,
    /// How long it took.
    pub elapsed: Duration,
    /// The errors in its log, the last one last.
    pub errors: Vec<String>,
}

/// Why the helper was not run.
#[derive(Debug, thiserror::Error)]
pub enum HelperError {
    /// There is no place for its files.
    #[error("cannot create a directory in {HOME}: {0}")]
    Directory(#[from] std::io::Error),
    /// It cannot be executed.
    #[error("{}: {}", .0, std::error::Error::source(.0).map(ToString::to_string).unwrap_or_default())]
    Command(#[from] CommandError),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Credentials {
    #[serde(default)]
    secret: String,
}

/// Asks the helper for the login of a registry, with this search path and these variables. Its home directory and its log are
/// in a directory that is removed afterwards, and it writes no token to a file.
pub async fn get(
    program: &Path,
    registry: &str,
    path: &str,
    variables: &[(String, String)],
    timeout: Duration,
) -> Result<Ran, HelperError> {
    let home = Scratch::below(Path::new(HOME))?;
    get_at(&home, program, registry, path, variables, timeout).await
}

async fn get_at(
    home: &Scratch,
    program: &Path,
    registry: &str,
    path: &str,
    variables: &[(String, String)],
    timeout: Duration,
) -> Result<Ran, HelperError> {
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let mut variables = variables.to_vec();
    variables.extend([
        // The default differs by version: ~/.ecr, ~/.cache/ecr.
        ("AWS_ECR_CACHE_DIR".to_owned(), text(home.path())),
        ("AWS_ECR_DISABLE_CACHE".to_owned(), "true".to_owned()),
    ]);
    let call = Call {
        home: home.path(),
        variables: &variables,
        input: registry.as_bytes(),
        ..Call::of(program, &["get"], path)
    };
    let started = Instant::now();
    let outcome = match call.run(timeout).await {
        Ok(output) if output.success() && gives_a_secret(&output.stdout) => Outcome::Given,
        Ok(output) if output.success() => Outcome::Refused("no secret in its answer".to_owned()),
        Ok(output) => Outcome::Refused(output.words()),
        Err(CommandError::Timeout { .. }) => Outcome::Silent,
        Err(error) => return Err(error.into()),
    };
    let log = root::read_file(&home.path().join("log/ecr-login.log")).ok().flatten();
    let log = String::from_utf8_lossy(&log.unwrap_or_default()).into_owned();
    let errors = log.lines().filter_map(error_in).collect();
    Ok(Ran { outcome, elapsed: started.elapsed(), errors })
}

fn gives_a_secret(answer: &str) -> bool {
    serde_json::from_str::<Credentials>(answer).is_ok_and(|found| !found.secret.is_empty())
}

/// The error in a line of the log: logrus's `level=error` or slog's `level=ERROR`, then `error="…"` or only `msg="…"`.
fn error_in(line: &str) -> Option<String> {
    if !line.to_ascii_lowercase().contains("level=error") {
        return None;
    }
    let value = |key: &str| {
        let (_, rest) = line.split_once(&format!(" {key}="))?;
        let Some(quoted) = rest.strip_prefix('"') else {
            return rest.split(' ').next().map(str::to_owned);
        };
        let (mut text, mut chars) = (String::new(), quoted.chars());
        loop {
            match chars.next()? {
                '"' => return Some(text),
                '\\' => text.push(match chars.next()? {
                    'n' | 't' => ' ',
                    other => other,
                }),
                other => text.push(other),
            }
        }
    };
    value("error").or_else(|| value("err")).or_else(|| value("msg"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How a script ends that stands in for the helper.
    async fn ran(script: &str) -> Result<Ran, HelperError> {
        let directory = tempfile::tempdir().unwrap();
        let program = directory.path().join(PROGRAM);
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&program, mode).unwrap();
        let home = Scratch::below(directory.path()).unwrap();
        let variables = [("AWS_REGION".to_owned(), "here".to_owned())];
        let short = Duration::from_secs(2);
        loop {
            let ran = get_at(&home, &program, "1.dkr.ecr", "/usr/bin:/bin", &variables, short);
            match ran.await {
                // A child of another test still has the script open for writing.
                Err(HelperError::Command(error)) if error.is_transient() => {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                other => return other,
            }
        }
    }

    #[tokio::test]
    async fn a_run_ends_with_credentials_with_the_words_of_the_log_or_without_an_answer() {
        let given =
            ran(r#"printf '{"Username":"%s","Secret":"%s"}' "$1" "$(cat)$AWS_REGION""#).await;
        assert_eq!(given.unwrap().outcome, Outcome::Given);
        let log = r#"mkdir -p "$HOME/log"; echo 'level=error msg=x error="AccessDenied: no"' >"$HOME/log/ecr-login.log""#;
        let refused = ran(&format!("{log}; echo credentials not found; exit 1")).await.unwrap();
        assert_eq!(refused.outcome, Outcome::Refused("credentials not found".to_owned()));
        assert_eq!(refused.errors, ["AccessDenied: no"]);
        let silent = ran(&format!("{log}; exec sleep 600")).await.unwrap();
        assert_eq!(silent.outcome, Outcome::Silent);
        assert_eq!(silent.errors, ["AccessDenied: no"]);
    }

    #[test]
    fn an_error_in_the_log_is_read_in_the_forms_of_all_versions() {
        for (line, expected) in [
            (
                r#"time="x" level=error msg="Error retrieving credentials" error="ecr: \"AccessDenied\", no""#,
                Some("ecr: \"AccessDenied\", no"),
            ),
            (r#"time=x level=ERROR msg="Error parsing" error=short next=1"#, Some("short")),
            (r#"time="x" level=error msg="only this""#, Some("only this")),
            (r#"time="x" level=error msg="cut"#, None),
            (r#"time="x" level=debug msg="Retrieving credentials" error="no""#, None),
            ("", None),
        ] {
            assert_eq!(error_in(line).as_deref(), expected, "{line}");
        }
    }

    #[test]
    fn an_answer_without_a_secret_gives_nothing() {
        assert!(gives_a_secret(r#"{"ServerURL":"x","Username":"AWS","Secret":"t"}"#));
        for answer in ["", "{}", r#"{"Secret":""}"#, "credentials not found in native keychain"] {
            assert!(!gives_a_secret(answer), "{answer}");
        }
    }
}
