//! Data goes to standard output; log lines and errors go to standard error.

use crate::commands::cli::Format;
use crate::error::Error;
use crate::text::secret::{mask_json, masked};
use std::fmt;
use std::io::Write;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

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

/// Writes bytes to standard output as they are.
pub fn write_bytes(bytes: &[u8]) -> Result<(), Error> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(Error::Output)
}

/// Writes to standard output, without colours if it is not a terminal. A closed pipe is not a failure.
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

/// Replaces the line of progress on the terminal of standard error; an empty one removes it.
pub fn progress(text: &str) {
    let mut stderr = anstream::stderr().lock();
    let _ = write!(stderr, "\r\u{1b}[K{text}").and_then(|()| stderr.flush());
}

/// Log lines on standard error: with priorities under systemd, with colour for people.
pub fn start_log(level: Level, under_systemd: bool) {
    // It fails only if a log was started already.
    let _ = log(level, under_systemd, anstream::stderr).try_init();
}

fn log<W>(level: Level, under_systemd: bool, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    // Details of libraries are for `-vv` alone.
    let libraries = if level == Level::TRACE { level } else { level.min(Level::WARN) };
    let lines = tracing_subscriber::fmt::layer()
        .event_format(Lines { under_systemd })
        // By default tracing prints its own failures to standard error, which has just failed.
        .log_internal_errors(false)
        .with_writer(writer)
        .with_filter(Targets::new().with_default(libraries).with_target("cos_agent", level));
    tracing_subscriber::registry().with(lines)
}

/// Formats an event: each line of its text gets a priority or a coloured word in front.
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
        let (priority, word, style) = match *event.metadata().level() {
            Level::ERROR => (3, "error: ", anstyle::AnsiColor::Red.on_default()),
            Level::WARN => (4, "warning: ", anstyle::AnsiColor::Yellow.on_default()),
            Level::INFO => (6, "", anstyle::Style::new()),
            _ => (7, "debug: ", anstyle::AnsiColor::BrightBlack.on_default()),
        };
        let mut words = String::new();
        context.format_fields(Writer::new(&mut words), event)?;
        for line in masked(&words).lines() {
            if self.under_systemd {
                writeln!(writer, "<{priority}>{line}")?;
            } else {
                writeln!(writer, "{style}{word}{style:#}{line}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    /// The log at one level: lines of ours, lines of a library, and a secret in an event of two lines.
    fn said(level: Level, under_systemd: bool) -> String {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let writer = {
            let bytes = Arc::clone(&bytes);
            move || Sink(Arc::clone(&bytes))
        };
        tracing::subscriber::with_default(log(level, under_systemd, writer), || {
            tracing::error!("an error");
            tracing::warn!(count = 2, name = "x", "a warning:\n  {}", "password=hunter22-hunter22");
            tracing::info!("words \u{1b}[2J of {}", "somebody else");
            tracing::debug!("a detail");
            tracing::trace!("a trace");
            tracing::warn!(target: "hyper::client", "a library warns");
            tracing::info!(target: "hyper::client", "a library talks");
        });
        String::from_utf8(bytes.lock().unwrap().clone()).unwrap()
    }

    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn systemd_gets_a_priority_a_line_and_no_secret() {
        assert_eq!(
            said(Level::DEBUG, true),
            "<3>an error\n<4>a warning:\n<4>  password=… count=2 name=\"x\"\n\
             <6>words \\x1b[2J of somebody else\n<7>a detail\n<4>a library warns\n"
        );
    }

    #[test]
    fn people_get_a_coloured_word_a_line() {
        assert_eq!(
            said(Level::WARN, false),
            "\u{1b}[31merror: \u{1b}[0man error\n\
             \u{1b}[33mwarning: \u{1b}[0ma warning:\n\
             \u{1b}[33mwarning: \u{1b}[0m  password=… count=2 name=\"x\"\n\
             \u{1b}[33mwarning: \u{1b}[0ma library warns\n"
        );
    }

    #[test]
    fn libraries_talk_where_everything_is_said() {
        assert!(
            said(Level::TRACE, true)
                .ends_with("<7>a trace\n<4>a library warns\n<6>a library talks\n")
        );
        assert!(said(Level::INFO, true).ends_with("somebody else\n<4>a library warns\n"));
        assert_eq!(said(Level::ERROR, true), "<3>an error\n");
    }
}
