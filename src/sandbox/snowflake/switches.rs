//! Choices where the public sources disagree, or where Snowflake changed over time.

/// How the simulated account behaves. The default is the account of 2026.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Switches {
    /// SHOW STREAMS prints the full name of a stage in `table_name` (behaviour change 2170); before it was the bare name.
    pub stream_stage_full_name: bool,
    /// A storage integration without ENABLED is enabled (behaviour change 2166); before it was refused with 002029.
    pub integration_enabled_by_default: bool,
    /// Rows that a SHOW gives at most.
    pub show_cap: usize,
    /// `ALTER STAGE … SET DIRECTORY` takes `AUTO_REFRESH` too, as one tool's code suggests; the documentation knows only ENABLE.
    pub alter_directory_takes_auto_refresh: bool,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            stream_stage_full_name: true,
            integration_enabled_by_default: true,
            show_cap: 10_000,
            alter_directory_takes_auto_refresh: false,
        }
    }
}
