//! `backlog`: whether a delivery costs more the more others wait. The backlog named stands during the whole measurement.

use std::time::Duration;

use anyhow::Result;

use crate::drain::Backlog;
use crate::report::{Row, line};
use crate::scale::Scale;
use gladhand_tests::database::Kind;

/// Whatever is not delivered by then is too slow to be waited for.
const PATIENCE: Duration = Duration::from_mins(2);

/// Looks at `scale.beside_backlog` deliveries beside each of `scale.backlogs`; `ratio` is over the first of them.
pub async fn run(scale: Scale, kind: Kind) -> Result<Vec<Row>> {
    let mut rows: Vec<Row> = Vec::new();
    for standing in scale.backlogs {
        line(&format!(
            "backlog: {standing} deliveries that stay pending …"
        ));
        let deliveries = standing + scale.beside_backlog;
        let backlog = Backlog {
            calls: 1,
            contacts: deliveries,
            deliveries,
            measured: scale.beside_backlog,
            patience: PATIENCE,
        };
        let mut row = backlog.drain("backlog", kind).await?;
        row.backlog = Some(*standing);
        let first = rows.first().unwrap_or(&row).deliveries_per_second;
        let rates = row.deliveries_per_second.zip(first);
        row.ratio = rates.map(|(rate, first)| rate / first);
        rows.push(row);
    }
    Ok(rows)
}
