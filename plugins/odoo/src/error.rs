//! The one thing that goes wrong so far: the connector is not there yet.

use gladhand_sdk::{Check, Failure, FailureKind};

/// An event was handed over.
pub fn not_yet() -> Failure {
    Failure::new(
        FailureKind::Unsupported,
        "this version of the Odoo connector writes nothing yet: pause the connection until a later version does",
    )
}

/// Setup asked.
pub fn not_yet_checked() -> Check {
    Check::failed(
        "connector",
        "this version of the Odoo connector is not yet implemented",
        "use a later version",
    )
}
