//! `deliver-0`, `deliver-1`, `deliver-3`: deliveries of new contacts that make so many calls, to a CRM that costs nothing.

use std::time::Duration;

use anyhow::Result;

use crate::drain::Backlog;
use crate::report::{Row, line};
use crate::scale::Scale;
use gladhand_tests::database::Kind;

/// Whatever is not delivered by then never will be.
const PATIENCE: Duration = Duration::from_mins(10);

/// How many calls a delivery makes in each of them.
pub const CALLS: [(&str, u32); 3] = [("deliver-0", 0), ("deliver-1", 1), ("deliver-3", 3)];

/// Works off `scale.deliveries`.
pub async fn run(scale: Scale, kind: Kind, scenario: &'static str, calls: u32) -> Result<Row> {
    let deliveries = scale.deliveries;
    line(&format!(
        "{scenario}: {deliveries} new contacts, {calls} calls each …"
    ));
    let backlog = Backlog {
        calls,
        contacts: deliveries,
        deliveries,
        measured: deliveries,
        patience: PATIENCE,
    };
    backlog.drain(scenario, kind).await
}
