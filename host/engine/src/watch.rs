//! What the engine looks after beside deliveries: what other hosts did to accounts, and whether pauses are over.

use std::sync::Arc;
use std::time::Duration;

use gladhand_core::descriptor::Descriptor;
use gladhand_core::failure::{Failure, FailureKind};
use gladhand_core::pause::By;
use gladhand_runtime::Check;
use metrics::gauge;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::engine::Inner;
use crate::happening::Resumed;
use crate::pauses::Pause;
use crate::setup;

/// Other hosts are heard of this often.
const AGAIN: Duration = Duration::from_secs(1);

/// Looks until `stop`.
pub(crate) async fn watch(inner: Arc<Inner>, stop: CancellationToken) {
    let mut is_reachable = true;
    // A CRM that hangs keeps nobody from hearing of others. They end with the watch.
    let mut tests = JoinSet::new();
    loop {
        match look(&inner, &mut tests).await {
            Ok(()) => is_reachable = true,
            // Claiming says it as well, each time: once is enough here.
            Err(error) if is_reachable => {
                is_reachable = false;
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "looking what other hosts know of accounts"
                );
            }
            Err(_) => {}
        }
        tokio::select! {
            () = stop.cancelled() => return,
            Some(_) = tests.join_next() => {}
            () = inner.look.notified() => {}
            () = tokio::time::sleep(AGAIN) => {}
        }
    }
}

async fn look(
    inner: &Arc<Inner>,
    tests: &mut JoinSet<()>,
) -> Result<(), gladhand_core::port::Error> {
    let all = inner.pauses.refresh().await?;
    inner.egress.learn(&all);
    let paused = inner.pauses.list();
    let accounts = paused.iter().filter(|pause| pause.connection.is_none());
    let accounts = accounts.count();
    gauge!("gladhand_paused_accounts").set(accounts as f64);
    gauge!("gladhand_paused_connections").set((paused.len() - accounts) as f64);
    gauge!("gladhand_open_breakers").set(inner.egress.open_breakers().len() as f64);
    let now = inner.clock.now();
    for pause in paused {
        let is_due = pause.paused.next_test.is_some_and(|at| at <= now);
        if is_due && pause.paused.by == By::Host {
            let whose = (pause.account, pause.connection);
            if inner.pauses.claim_test(whose, now).await? {
                let inner = inner.clone();
                tests.spawn(async move {
                    if let Err(error) = test(&inner, &pause).await {
                        tracing::warn!(
                            error = &error as &dyn std::error::Error,
                            "testing whether a pause is over"
                        );
                    }
                });
            }
        }
    }
    Ok(())
}

/// Lets the connector look whether what paused is mended, and resumes where it is.
async fn test(inner: &Inner, pause: &Pause) -> Result<(), gladhand_core::port::Error> {
    let directory = inner.directory.load_full();
    let of_account = |entry: &&Arc<crate::directory::ConnectionEntry>| {
        entry.account.id == pause.account && entry.target.is_some()
    };
    let met_at = pause.connection.or(pause.paused.connection);
    let entry = met_at
        .and_then(|connection| directory.connections.get(&connection))
        .filter(of_account)
        .or_else(|| directory.connections.values().find(of_account));
    let Some(entry) = entry else { return Ok(()) };
    let Some(target) = &entry.target else {
        return Ok(());
    };
    let checked = setup::check(&directory, entry.connection.id, &*inner.clock, &*inner.ids).await;
    let is_over = match pause.connection {
        None => is_accepted(target.descriptor(), &checked),
        Some(_) => is_passed(&checked),
    };
    let whose = (pause.account, pause.connection);
    if is_over && inner.pauses.resume(whose, inner.clock.now()).await? {
        Resumed {
            account: &entry.account.name,
            connection: pause.connection.map(|_| entry.connection.name.as_str()),
        }
        .tell();
    }
    Ok(())
}

/// Whether a check says that nothing is wrong with the connection.
pub(crate) fn is_passed(checked: &Result<Vec<Check>, Failure>) -> bool {
    checked.as_ref().is_ok_and(|checks| {
        let mut checks = checks.iter();
        !checks.any(|check| check.state == "failed" && check.severity == "error")
    })
}

/// Whether a check says that the credential is accepted. The check that is named like one of the connector's credentials
/// is about it; where there is none, all must pass.
fn is_accepted(descriptor: &Descriptor, checked: &Result<Vec<Check>, Failure>) -> bool {
    use FailureKind as K;
    match checked {
        Ok(checks) => {
            let is_about = |check: &&Check| descriptor.auth.secrets().contains(&check.name);
            let mut about = checks.iter().filter(is_about).peekable();
            if about.peek().is_none() {
                return is_passed(checked);
            }
            about.all(|check| check.state == "passed")
        }
        // The CRM said nothing about the credential.
        Err(failure) => !matches!(
            failure.kind,
            K::Auth
                | K::Unavailable
                | K::Indeterminate
                | K::RateLimited
                | K::BudgetExhausted
                | K::BreakerOpen
                | K::VersionRefused
        ),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn descriptor() -> Descriptor {
        serde_json::from_value(json!({
            "id": "crm", "name": "CRM", "version": "1.0.0", "state": 1, "hosts": [], "events": [],
            "auth": { "scheme": "static-header", "header": "Authorization", "secret": "token" },
            "lookup-after-ms": 1,
        }))
        .expect("a descriptor")
    }

    #[track_caller]
    fn check(checks: &[(&str, &str)], accepted: bool, passed: bool) {
        let checks = checks.iter().map(|(name, state)| Check {
            name: (*name).to_owned(),
            state: (*state).to_owned(),
            severity: "error".to_owned(),
            message: String::new(),
            hint: None,
            provisionable: false,
        });
        let checked = Ok(checks.collect());
        assert_eq!(
            is_accepted(&descriptor(), &checked),
            accepted,
            "{checked:?}"
        );
        assert_eq!(is_passed(&checked), passed, "{checked:?}");
    }

    #[test]
    fn the_credentials_own_check_decides_about_the_account() {
        check(&[("token", "passed"), ("pipeline", "failed")], true, false);
        check(
            &[("reachable", "failed"), ("token", "skipped")],
            false,
            false,
        );
        check(&[("token", "failed")], false, false);
        check(&[("reachable", "failed")], false, false);
        check(&[("reachable", "passed")], true, true);
    }

    #[test]
    fn a_crm_that_says_nothing_leaves_the_account_paused() {
        for (kind, accepted) in [
            (FailureKind::Auth, false),
            (FailureKind::Unavailable, false),
            (FailureKind::RateLimited, false),
            (FailureKind::Permission, true),
        ] {
            let checked = Err(Failure::new(kind, "x"));
            assert_eq!(is_accepted(&descriptor(), &checked), accepted, "{kind}");
            assert!(!is_passed(&checked));
        }
    }
}
