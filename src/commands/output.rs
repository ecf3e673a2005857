//! Where words go: data to standard output, talk to standard error, both passed around as a value.

use crate::cli::Format;
use crate::error::Error;
use crate::text::secret::{mask_json, masked};
use std::fmt;
use std::io::Write;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Where data goes, and in which form.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    /// Text for people, or JSON for programs.
    pub format: Format,
}

impl Output {
    /// Writes data: the text, or the value as JSON; secrets in either are masked.
    pub fn data(
        self,
        text: impl FnOnce() -> String,
        json: impl FnOnce() -> serde_json::Value,
    ) -> Result<(), Error> {
        match self.format {
            Format::Text => write(&masked(&text())),
            Format::Json => {
                let mut value = json();
                mask_json(&mut value);
                write(&format!("{value:#}\n"))
            }
        }
    }
}

/// Writes to standard output; colours are dropped where nobody sees them. A reader that has gone is no failure.
pub fn write(text: &str) -> Result<(), Error> {
    let mut stdout = anstream::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Error::Output(error)),
        _ => Ok(()),
    }
}

/// Writes a report to standard error.
pub fn report(text: &str, under_systemd: bool) {
    let mut stderr = anstream::stderr().lock();
    for line in masked(text).lines() {
        // sd-daemon(3): a priority in front of each line; errors are 3.
        let _ =
            if under_systemd { writeln!(stderr, "<3>{line}") } else { writeln!(stderr, "{line}") };
    }
}

/// Log lines on standard error: with priorities under systemd, with colour for people.
pub fn start_log(level: Level, under_systemd: bool) {
    // A log that was started already is as good.
    let _ = tracing::subscriber::set_global_default(Log { level, under_systemd });
}

/// Events as lines. There are no spans here, which is all that a subscriber from a library would add.
struct Log {
    level: Level,
    under_systemd: bool,
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // What libraries say is for those who debug them.
        let ours = metadata.target().starts_with("cos_agent");
        *metadata.level() <= self.level
            && (ours || *metadata.level() <= Level::WARN || self.level == Level::TRACE)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level.into())
    }

    fn event(&self, event: &Event<'_>) {
        let (priority, word, style) = match *event.metadata().level() {
            Level::ERROR => (3, "error: ", anstyle::AnsiColor::Red.on_default()),
            Level::WARN => (4, "warning: ", anstyle::AnsiColor::Yellow.on_default()),
            Level::INFO => (6, "", anstyle::Style::new()),
            _ => (7, "debug: ", anstyle::AnsiColor::BrightBlack.on_default()),
        };
        let mut words = Words(String::new());
        event.record(&mut words);
        let mut stderr = anstream::stderr().lock();
        for line in masked(&words.0).lines() {
            // A log that cannot be written has nowhere to say so.
            let _ = if self.under_systemd {
                writeln!(stderr, "<{priority}>{line}")
            } else {
                writeln!(stderr, "{style}{word}{style:#}{line}")
            };
        }
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// The message of an event, and its fields behind it.
struct Words(String);

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        use fmt::Write;
        let _ = if field.name() == "message" {
            write!(self.0, "{value:?}")
        } else {
            write!(self.0, " {}={value:?}", field.name())
        };
    }
}
