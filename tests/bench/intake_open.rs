//! `intake-1000`: a thousand signed webhooks a second, whether the last ones are answered or not.
//!
//! An answer's time counts from when its webhook was due, so that a host that stalls pays for all that had to wait.

use anyhow::Result;

use crate::intake;
use crate::report::{Row, line};
use crate::scale::Scale;
use gladhand_tests::database::Kind;

const RATE: u32 = 1_000;

/// Measures for `scale.time`.
pub async fn run(scale: Scale, kind: Kind) -> Result<Row> {
    line("intake-1000: a thousand signed webhooks a second, every one on disk …");
    intake::acknowledged("intake-1000", scale, kind, Some(RATE)).await
}
