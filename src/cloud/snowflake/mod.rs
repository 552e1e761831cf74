//! Snowflake through its session protocol.
//!
//! From the outside in: a [`Connection`] says where and as whom, a [`Session`] runs statements, and gives [`Rows`]. Below them,
//! `login` keeps the session's tokens, `statement` follows one statement to its last row, `call` makes one exchange with the server
//! until it is answered, `layers` sit between `snowflake_api`'s connection and the network, and [`codes`] says what refusals mean.

mod auth;
mod call;
pub mod codes;
pub mod connection;
mod endpoint;
mod in_flight;
pub mod key_pair;
mod layers;
mod login;
mod pace;
mod protocol;
mod result;
pub mod rows;
mod session;
mod statement;
pub mod transport;
mod verb;
mod who;

#[cfg(all(test, feature = "sandbox"))]
mod tests;

pub use auth::{Auth, Token};
pub use connection::{Connection, ConnectionError, resolve};
pub use endpoint::Endpoint;
pub use pace::Pace;
pub use rows::{Row, Rows};
pub use session::{Resolver, Session, SessionOptions};
pub use who::Who;
