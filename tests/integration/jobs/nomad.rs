//! The jobs before Nomad itself.

use super::{IMAGE, SUFFIX, copy, folder, names, nomad, spoil};

#[test]
fn nomad_takes_every_job() {
    assert!(names().len() >= 6, "{:?}", names());
    for name in names() {
        let said =
            nomad(&folder(), &validate(&name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(said.contains("Job validation successful"), "{name}: {said}");
        assert!(!said.contains("Warning"), "{name}: {said}");
    }
}

#[test]
fn nomad_refuses_a_key_that_it_does_not_know() {
    for name in names() {
        let copy = copy();
        let file = copy.path().join(format!("{name}{SUFFIX}"));
        spoil(&file, "  group \"", "  no_such_key = true\n\n  group \"");
        let refused = nomad(copy.path(), &validate(&name)).unwrap_err();
        assert!(refused.contains("no_such_key"), "{name}: {refused}");
    }
}

/// Nodes without internet pull from ECR alone, so a person has to say what runs.
#[test]
fn no_job_runs_without_an_image() {
    for name in names() {
        let refused =
            nomad(&folder(), &["job", "validate", &format!("{name}{SUFFIX}")]).unwrap_err();
        assert!(refused.contains("Unset variable \"image\""), "{name}: {refused}");
        assert_eq!(refused.matches("Unset variable").count(), 1, "{name}: {refused}");
    }
}

#[test]
fn the_jobs_are_formatted() {
    nomad(&folder(), &["fmt", "-check", "."]).unwrap();
    for name in names() {
        let copy = copy();
        spoil(&copy.path().join(format!("{name}{SUFFIX}")), "\njob \"", "\njob    \"");
        let refused = nomad(copy.path(), &["fmt", "-check", "."]).unwrap_err();
        assert!(refused.contains(&name), "{name}: {refused}");
    }
}

fn validate(name: &str) -> Vec<String> {
    [
        "job".to_owned(),
        "validate".to_owned(),
        format!("-var=image={IMAGE}"),
        format!("{name}{SUFFIX}"),
    ]
    .to_vec()
}
