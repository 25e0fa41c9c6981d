//! Lines for the operator: at most 200 of 4 KiB per call, more is dropped and counted by the host.

use crate::host;

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// For the author of the connector.
    Debug,
    /// Worth knowing.
    Info,
    /// Something is not as it should be, and the delivery goes on.
    Warn,
    /// Something is wrong; the failure that follows says the rest.
    Error,
}

impl Level {
    /// The contract's word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// Writes a line. Values of fields may be personal, the message may not.
pub fn write(level: Level, message: &str, fields: &[(&str, &str)]) {
    let fields: Vec<(String, String)> = fields
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    host::call(|host| host.log(level, message, &fields));
}

/// A line worth knowing.
pub fn info(message: &str, fields: &[(&str, &str)]) {
    write(Level::Info, message, fields);
}

/// Something is not as it should be, and the delivery goes on.
pub fn warn(message: &str, fields: &[(&str, &str)]) {
    write(Level::Warn, message, fields);
}
