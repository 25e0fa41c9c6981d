//! `deliver-3`: a backlog of new contacts, each a person and a lead in the simulated Krayin: three calls, end to end.
//!
//! The same connector runs as a component and compiled into this program; host, simulator and load share the machine.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use gladhand_core::clock::Clock;
use gladhand_core::delivery::DeliveryState;
use gladhand_core::ids::ConnectionId;
use gladhand_server::system::SystemClock;
use gladhand_store::catalog::Version;
use gladhand_store::deliveries::DeliveryFilter;
use gladhand_store::{Catalog as _, Deliveries as _, Settings as _};
use gladhand_tests::chatwoot::Account;
use gladhand_tests::host::{Joined, Setup, TestHost};
use gladhand_tests::krayin::{Config, Krayin};
use tempfile::TempDir;

use crate::intake::contact;
use crate::native::Native;
use crate::report::{Row, Scale, line, rss_mb};

/// Attempts at once: enough that a commit is shared by many.
const CONCURRENCY: u32 = 64;
/// Component and native take turns, so that a machine that slows down slows both.
const PAIRS: usize = 3;

/// Measures both ways in turn; the fastest of each counts.
pub async fn run(scale: Scale) -> Result<Vec<Row>> {
    let mut best: [Option<Row>; 2] = [None, None];
    for pair in 0..PAIRS {
        for (slot, is_native) in best.iter_mut().zip([false, true]) {
            let name = if is_native { "native" } else { "component" };
            line(&format!(
                "deliver-3: {} new contacts, {name}, {} of {PAIRS} …",
                scale.deliveries,
                pair + 1
            ));
            let row = once(scale, is_native).await?;
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

async fn once(scale: Scale, is_native: bool) -> Result<Row> {
    let config = Config {
        throttle: Some(1_000_000_000),
        is_audited: false,
        kept_requests: 0,
        ..Config::default()
    };
    let crm = Krayin::start(config)?;
    let dir = TempDir::new()?;
    let mut setup = Setup::new(dir.path(), vec![joined(&crm)]);
    setup.hold = Duration::ZERO;
    setup.attempts = CONCURRENCY;
    let host = TestHost::start(&setup).await?;
    let connection = pause(&host, true).await?;
    if is_native {
        let native = Arc::new(Native::new(host.host.services.clone())?);
        let digest = gladhand_runtime::Connector::digest(&*native).to_owned();
        let version = Version {
            digest: digest.clone(),
            descriptor: gladhand_runtime::Connector::descriptor(&*native)
                .as_ref()
                .clone(),
            size: 0,
            added_at: SystemClock::default().now(),
        };
        host.host.store.add_version(&version, b"").await?;
        host.host.engine.register(native).await?;
        host.host.store.set_route(connection, &digest).await?;
    }
    fill(&host, scale.deliveries).await?;

    let clock = SystemClock::default();
    let began = clock.monotonic();
    pause(&host, false).await?;
    let busy = [DeliveryState::Pending, DeliveryState::Running];
    while host
        .host
        .store
        .counts()
        .await?
        .by_state
        .iter()
        .any(|(state, _)| busy.contains(state))
    {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let took = clock.monotonic().saturating_sub(began);

    let snapshot = crm.snapshot();
    if (snapshot.persons.len(), snapshot.leads.len()) != (scale.deliveries, scale.deliveries) {
        bail!(
            "{} persons and {} leads of {}",
            snapshot.persons.len(),
            snapshot.leads.len(),
            scale.deliveries
        );
    }
    let (instance_us, guest_us) = costs(&host).await?;
    let row = Row {
        scenario: "deliver-3",
        store: "sqlite",
        connector: Some(if is_native { "native" } else { "component" }),
        backlog: Some(scale.deliveries),
        lanes: Some(scale.deliveries),
        deliveries_per_second: Some(scale.deliveries as f64 / took.as_secs_f64()),
        instance_us: (!is_native).then_some(instance_us),
        guest_us: (!is_native).then_some(guest_us),
        rss_mb: rss_mb(),
        ..Row::default()
    };
    host.stop().await;
    Ok(row)
}

/// Takes the backlog in through the store, as the intake would.
async fn fill(host: &TestHost, deliveries: usize) -> Result<()> {
    let mut account = Account::new(1_781_690_400_000);
    for id in 0..i64::try_from(deliveries)? {
        account.meets(contact(id));
    }
    let webhooks = Arc::new(account.webhooks);
    let senders = 32;
    let mut filling = Vec::new();
    for start in 0..senders {
        let (webhooks, authority) = (webhooks.clone(), host.authority());
        filling.push(tokio::spawn(async move {
            let clock = SystemClock::default();
            let run = format!("fill-{start}");
            let mut sender = gladhand_tests::chatwoot::Sender::new(
                &authority,
                gladhand_tests::host::SOURCE,
                gladhand_tests::host::SECRET,
                &run,
                &clock,
            );
            for webhook in webhooks.iter().skip(start).step_by(senders) {
                sender.send(webhook).await?;
            }
            anyhow::Ok(())
        }));
    }
    for filling in filling {
        filling.await??;
    }
    Ok(())
}

/// Pauses or resumes the one connection.
async fn pause(host: &TestHost, is_paused: bool) -> Result<ConnectionId> {
    let store = &host.host.store;
    let Some(mut connection) = store.connections().await?.pop() else {
        bail!("the connection is not there")
    };
    connection.is_paused = is_paused;
    store.put_connection(&connection).await?;
    host.host.engine.reload().await?;
    Ok(connection.id)
}

/// The medians of what an attempt spent in making its instance and in the guest, over the newest thousand.
async fn costs(host: &TestHost) -> Result<(f64, f64)> {
    let filter = DeliveryFilter {
        limit: 500,
        ..DeliveryFilter::default()
    };
    let (mut instance, mut guest) = (Vec::new(), Vec::new());
    for delivery in host.host.store.list(filter).await? {
        let Some(detail) = host.host.store.show(delivery.id).await? else {
            continue;
        };
        for attempt in detail.attempts {
            instance.push(attempt.cost.instance_us);
            guest.push(attempt.cost.guest_us);
        }
    }
    instance.sort_unstable();
    guest.sort_unstable();
    let median = |values: &[u64]| values.get(values.len() / 2).copied().unwrap_or_default() as f64;
    Ok((median(&instance), median(&guest)))
}

fn joined(crm: &Krayin) -> Joined {
    Joined {
        concurrency: CONCURRENCY,
        ..Joined::krayin("krayin-main", crm.base_url(), crm.token())
    }
}
