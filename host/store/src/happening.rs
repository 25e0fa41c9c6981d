//! What the store sees happen, as one struct per thing: it writes the log line and moves the metric.

use std::error::Error;

use metrics::counter;

/// Which way something was asked of the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Read,
    Write,
}

impl Operation {
    const ALL: [Self; 2] = [Self::Read, Self::Write];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

/// The database did not do what was asked of it.
pub(crate) struct StoreFailed<'e> {
    /// Which way it was asked.
    pub(crate) operation: Operation,
    /// What it said.
    pub(crate) error: &'e (dyn Error + 'static),
}

impl StoreFailed<'_> {
    /// A line at debug level, for whoever asked says what it means, and the count.
    pub(crate) fn tell(&self) {
        let Self { operation, error } = *self;
        let operation = operation.as_str();
        counter!("gladhand_store_errors_total", "operation" => operation).increment(1);
        tracing::debug!(error, operation, "the database failed");
    }
}

/// A counter that appears with its first failure has no increase that an alert could see.
pub(crate) fn begin() {
    for operation in Operation::ALL {
        counter!("gladhand_store_errors_total", "operation" => operation.as_str()).increment(0);
    }
}
