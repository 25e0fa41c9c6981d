//! `deliver-krayin`: a backlog of new contacts, each a person and a lead in the simulated Krayin: three calls, end to end.
//!
//! The same connector runs as a component and compiled into this program; host, simulator and load share the machine.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use gladhand_core::clock::Clock as _;
use gladhand_store::catalog::Version;
use gladhand_store::{Catalog as _, Settings as _};
use gladhand_tests::host::{Joined, built_connectors};
use gladhand_tests::krayin::{Config, Krayin};

use crate::bed::{ATTEMPTS, Bed, Ground};
use crate::fill::fill;
use crate::native::Native;
use crate::report::{Row, line};
use crate::scale::Scale;
use gladhand_tests::database::Kind;

/// Component and native take turns, so that a machine that slows down slows both.
const PAIRS: usize = 3;
/// Whatever is not delivered by then never will be.
const PATIENCE: Duration = Duration::from_mins(10);

/// Measures both ways in turn; the fastest of each counts.
pub async fn run(scale: Scale, kind: Kind) -> Result<Vec<Row>> {
    let mut best: [Option<Row>; 2] = [None, None];
    for pair in 0..PAIRS {
        for (slot, is_native) in best.iter_mut().zip([false, true]) {
            let name = if is_native { "native" } else { "component" };
            line(&format!(
                "deliver-krayin: {} new contacts, {name}, {} of {PAIRS} …",
                scale.deliveries,
                pair + 1
            ));
            let row = once(scale, kind, is_native).await?;
            line(&format!(
                "  {:.0} deliveries/s",
                row.deliveries_per_second.unwrap_or_default()
            ));
            if slot
                .as_ref()
                .is_none_or(|best| best.deliveries_per_second < row.deliveries_per_second)
            {
                *slot = Some(row);
            }
        }
    }
    let [component, native] = best;
    let (Some(mut component), Some(native)) = (component, native) else {
        bail!("nothing was measured")
    };
    component.native_ratio = component
        .deliveries_per_second
        .zip(native.deliveries_per_second)
        .map(|(component, native)| component / native);
    Ok(vec![component, native])
}

async fn once(scale: Scale, kind: Kind, is_native: bool) -> Result<Row> {
    let crm = quick_krayin()?;
    let joined = Joined {
        concurrency: ATTEMPTS,
        ..Joined::krayin("krayin-main", crm.base_url(), crm.token())
    };
    let mut ground = Ground::new(kind, vec![joined]).await?;
    ground.setup.connectors = built_connectors();
    let bed = Bed::on(ground).await?;
    bed.pause(true).await?;
    if is_native {
        run_natively(&bed).await?;
    }
    fill(&bed.host, scale.deliveries, scale.deliveries).await?;

    let before = bed.settled().await?;
    bed.pause(false).await?;
    let (_, took) = bed.wait_for(scale.deliveries, before, PATIENCE).await?;

    let snapshot = crm.snapshot();
    let (persons, leads) = (snapshot.persons.len(), snapshot.leads.len());
    if (persons, leads) != (scale.deliveries, scale.deliveries) {
        bail!(
            "{persons} persons and {leads} leads of {}",
            scale.deliveries
        );
    }
    let (instance_us, guest_us) = bed.costs().await?;
    let row = Row {
        scenario: "deliver-krayin",
        store: kind.name(),
        case: Some(if is_native { "native" } else { "component" }),
        backlog: Some(scale.deliveries),
        lanes: Some(scale.deliveries),
        deliveries_per_second: Some(scale.deliveries as f64 / took.as_secs_f64()),
        instance_us: (!is_native).then_some(instance_us),
        guest_us: (!is_native).then_some(guest_us),
        ..Row::default()
    };
    bed.end().await?;
    Ok(row)
}

/// A simulator that costs as little as it can.
pub fn quick_krayin() -> Result<Krayin> {
    Ok(Krayin::start(Config {
        throttle: Some(1_000_000_000),
        is_audited: false,
        kept_requests: 0,
        ..Config::default()
    })?)
}

/// Lets the one connection run the connector that is compiled into this program.
async fn run_natively(bed: &Bed) -> Result<()> {
    let host = &bed.host.host;
    let native = Arc::new(Native::new(host.services.clone())?);
    let connector: &dyn gladhand_runtime::Connector = &*native;
    let version = Version {
        digest: connector.digest().to_owned(),
        descriptor: connector.descriptor().as_ref().clone(),
        size: 0,
        added_at: bed.clock.now(),
    };
    host.store.add_version(&version, b"").await?;
    host.engine.register(native).await?;
    let connection = host.store.connections().await?.pop();
    let connection = connection.context("the connection is there")?;
    host.store.set_route(connection.id, &version.digest).await?;
    Ok(())
}
