//! PURE: how a command ends: the exit code, and the hint what to do about an error. Every error type has both.

pub mod hint;

/// Exit codes: sysexits(3), which systemd prints by name (systemd.exec(5), "Process Exit Codes").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// Done.
    Done = 0,
    /// `doctor --strict`: nothing failed, and there are warnings.
    Warned = 1,
    /// `plan --detailed-exitcode`: there are changes. `doctor`: a check failed.
    Changes = 2,
    /// `doctor`: no check failed, and the result of a check is unknown.
    Incomplete = 3,
    /// `EX_USAGE`: the command line is wrong.
    Usage = 64,
    /// `EX_DATAERR`: a tag or other data is wrong, or missing at the deadline.
    Data = 65,
    /// `EX_UNAVAILABLE`: metadata or an API cannot be reached.
    Unavailable = 69,
    /// `EX_SOFTWARE`: a bug.
    Bug = 70,
    /// `EX_IOERR`: the file system failed.
    File = 74,
    /// `EX_TEMPFAIL`: not possible now; the same command may succeed later.
    NotYet = 75,
    /// `EX_NOPERM`: not root, or denied.
    Denied = 77,
    /// `EX_CONFIG`: settings or the image are wrong, or a validator refused.
    Config = 78,
}

impl ExitCode {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Done,
        Self::Warned,
        Self::Changes,
        Self::Incomplete,
        Self::Usage,
        Self::Data,
        Self::Unavailable,
        Self::Bug,
        Self::File,
        Self::NotYet,
        Self::Denied,
        Self::Config,
    ];

    /// What it means, as the help says it.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Warned => "there are warnings (doctor --strict)",
            Self::Changes => {
                "there are changes (plan --detailed-exitcode), or a check failed (doctor)"
            }
            Self::Incomplete => "no check failed, and the result of a check is unknown (doctor)",
            Self::Usage => "the command line is wrong",
            Self::Data => "a tag or other data is wrong, or missing at the deadline",
            Self::Unavailable => "metadata or an API is unreachable",
            Self::Bug => "a bug in cos-agent",
            Self::File => "a file cannot be read or written",
            Self::NotYet => "not possible now; try again",
            Self::Denied => "not root, or permission denied",
            Self::Config => "the settings are wrong, a validator failed, or a binary is missing",
        }
    }

    /// The exit code with this number. A number that is not in the list means a bug.
    pub fn of(number: u8) -> Self {
        Self::ALL.into_iter().find(|code| *code as u8 == number).unwrap_or(Self::Bug)
    }
}
