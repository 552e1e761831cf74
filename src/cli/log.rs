//! `--log-level`: what the program does, on standard error, for finding out why. Off unless asked for.
//!
//! Only this program's own messages can be told in detail. Libraries write whole requests with their headers, so they never get further
//! than warnings, and the Snowflake client, which writes tokens, never gets a word.

use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::args::LogLevel;

/// Starts logging.
pub(super) fn start(level: LogLevel) {
    let level = match level {
        LogLevel::Off => return,
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(false).with_filter(who(level));
    // Nobody else can have set one up: this is the program, not a library in somebody's program.
    drop(tracing_subscriber::registry().with(lines).try_init());
}

/// Who may say how much.
fn who(level: LevelFilter) -> Targets {
    Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target("snowssi", level)
        .with_target("snowflake_api", LevelFilter::OFF)
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn only_this_program_is_heard_in_detail() {
        let at = |level: LevelFilter, target: &str, said: Level| who(level).would_enable(target, &said);
        assert!(at(LevelFilter::TRACE, "snowssi::cloud::aws", Level::TRACE));
        for library in
            ["reqwest::connect", "hyper_util::client", "aws_smithy_runtime::client", "aws_config", "rustls", "h2"]
        {
            assert!(at(LevelFilter::TRACE, library, Level::WARN), "{library}");
            assert!(!at(LevelFilter::TRACE, library, Level::INFO), "{library}");
            assert!(!at(LevelFilter::ERROR, library, Level::WARN), "{library}");
        }
        assert!(!at(LevelFilter::TRACE, "snowflake_api::session", Level::ERROR));
    }
}
