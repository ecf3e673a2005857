//! How commands end that AWS gave no answer: one trouble has one exit code, whichever command met it.

use cos_agent::error::Error;
use cos_agent::exit::ExitCode;
use cos_agent::facts::GatherError;
use cos_agent::membership::quorum::GuardError;
use cos_agent::state::Daemon;
use cos_agent::system::aws::{AwsError, CREDENTIALS};
use cos_agent::system::imds::{BodyProblem, ImdsError};
use std::time::Duration;

#[test]
fn a_trouble_with_aws_has_one_exit_code_in_every_command() {
    let text = || "words".to_owned();
    let unreachable = |answered| AwsError::Unreachable {
        action: text(),
        url: text(),
        attempts: 1,
        elapsed: Duration::ZERO,
        last: text(),
        answered,
    };
    let no_metadata = || ImdsError::Disabled { endpoint: text() };
    let page = || ImdsError::Body { path: text(), problem: BodyProblem::Html };
    let troubles: [(&dyn Fn() -> AwsError, ExitCode); 11] = [
        (&|| AwsError::LateCredentials { role: text() }, ExitCode::NotYet),
        (&|| AwsError::NoCredentials(CREDENTIALS), ExitCode::Data),
        (&|| AwsError::BadCredentials { code: text(), message: text() }, ExitCode::Data),
        (&|| AwsError::Credentials(no_metadata()), ExitCode::Unavailable),
        (&|| AwsError::Credentials(page()), ExitCode::Data),
        (&|| AwsError::Denied { action: text(), code: text(), message: text() }, ExitCode::Denied),
        (
            &|| AwsError::Rejected { action: text(), status: 400, code: text(), message: text() },
            ExitCode::Unavailable,
        ),
        (&|| unreachable(false), ExitCode::Unavailable),
        (&|| unreachable(true), ExitCode::Unavailable),
        (&|| AwsError::Malformed { action: text(), problem: text() }, ExitCode::Unavailable),
        (&|| AwsError::Request(text()), ExitCode::Unavailable),
    ];
    for (trouble, expected) in troubles {
        let daemon = Daemon::Consul;
        let not_set = GuardError::NotSet { parameter: text(), region: text(), source: trouble() };
        for (command, error) in [
            ("apply", Error::Gather(GatherError::NoTags { source: trouble() })),
            ("peers", Error::Aws(trouble())),
            (
                "reform, of the servers",
                Error::Guard(GuardError::NotListed { daemon, source: trouble() }),
            ),
            ("reform, of the parameter", Error::Guard(not_set)),
        ] {
            assert_eq!(error.exit_code(), expected, "{command}: {:?}", trouble());
        }
    }
    // The same of the metadata service alone.
    for (trouble, expected) in [(no_metadata(), ExitCode::Unavailable), (page(), ExitCode::Data)] {
        assert_eq!(Error::Gather(GatherError::Metadata(trouble)).exit_code(), expected);
    }
}
