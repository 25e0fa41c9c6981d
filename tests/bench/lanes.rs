//! `lanes`: the same number of deliveries, of one contact, of a hundred, of as many contacts as there are deliveries.
//!
//! Deliveries of one contact run one after the other, so one lane shows what a delivery takes and not what a host can do.

use anyhow::Result;

use crate::drain::Backlog;
use crate::report::{Row, line};
use crate::scale::Scale;
use gladhand_tests::database::Kind;

/// Works on each for `scale.time`, or until it is done.
pub async fn run(scale: Scale, kind: Kind) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for contacts in [1, 100, scale.lanes] {
        line(&format!(
            "lanes: {} deliveries, {contacts} lanes …",
            scale.lanes
        ));
        let backlog = Backlog {
            calls: 1,
            contacts,
            deliveries: scale.lanes,
            measured: scale.lanes,
            patience: scale.time,
        };
        rows.push(backlog.drain("lanes", kind).await?);
    }
    Ok(rows)
}
