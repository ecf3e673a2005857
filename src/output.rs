//! Where words go: data to standard output, talk to standard error, both passed around as a value.

use crate::cli::Format;
use crate::error::Error;
use std::fmt;
use std::io::Write;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Where data goes, and in which form.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    /// Text for people, or JSON for programs.
    pub format: Format,
}

impl Output {
    /// Writes data: text as it is, or the value as JSON.
    pub fn data(
        self,
        text: impl FnOnce() -> String,
        json: impl FnOnce() -> serde_json::Value,
    ) -> Result<(), Error> {
        match self.format {
            Format::Text => write(&text()),
            Format::Json => write(&format!("{:#}\n", json())),
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
    for line in text.lines() {
        // sd-daemon(3): a priority in front of each line; errors are 3.
        let _ =
            if under_systemd { writeln!(stderr, "<3>{line}") } else { writeln!(stderr, "{line}") };
    }
}

/// Log lines on standard error: with priorities under systemd, with colour for people.
pub fn start_log(level: Level, under_systemd: bool) {
    let _ = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(anstream::stderr)
        .event_format(Lines { under_systemd })
        .try_init();
}

struct Lines {
    under_systemd: bool,
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let level = *event.metadata().level();
        // What libraries say is for those who debug them.
        if !event.metadata().target().starts_with("cos_agent") && level > Level::WARN {
            return Ok(());
        }
        let (priority, word, style) = match level {
            Level::ERROR => (3, "error: ", anstyle::AnsiColor::Red.on_default()),
            Level::WARN => (4, "warning: ", anstyle::AnsiColor::Yellow.on_default()),
            Level::INFO => (6, "", anstyle::Style::new()),
            _ => (7, "debug: ", anstyle::AnsiColor::BrightBlack.on_default()),
        };
        let mut text = String::new();
        context.format_fields(Writer::new(&mut text), event)?;
        for line in text.lines() {
            if self.under_systemd {
                writeln!(writer, "<{priority}>{line}")?;
            } else {
                writeln!(writer, "{style}{word}{style:#}{line}")?;
            }
        }
        Ok(())
    }
}
