//! The I/O boundary: the only module that talks to AWS and Snowflake. SDK types do not leave it.
//!
//! Production and sandbox differ by transport alone: the same SDK calls and the same Snowflake requests are made, and only the
//! HTTP connector below them is another.

pub mod aws;
pub mod error;
pub mod secrets;
pub mod snowflake;
pub mod stats;

pub use aws::Aws;
pub use error::{Class, CloudError, Which};
pub use secrets::secret_resolver;
pub use snowflake::{Row, Rows, Session};
pub use stats::Stats;

/// The clouds a stack uses. A stack may have one side only.
pub struct Cloud {
    /// AWS, where the spec has an `[aws]` side.
    pub aws: Option<Aws>,
    /// Snowflake, where the spec has a `[snowflake]` side.
    pub snowflake: Option<Session>,
}

impl Cloud {
    /// AWS.
    ///
    /// # Errors
    /// The stack was opened without AWS, though a kind of its own lives there: a mistake of the program.
    pub fn aws(&self) -> Result<&Aws, CloudError> {
        self.aws.as_ref().ok_or_else(|| CloudError::missing(Which::Aws))
    }

    /// Snowflake.
    ///
    /// # Errors
    /// The stack was opened without Snowflake, though a kind of its own lives there: a mistake of the program.
    pub fn snowflake(&self) -> Result<&Session, CloudError> {
        self.snowflake.as_ref().ok_or_else(|| CloudError::missing(Which::Snowflake))
    }
}
