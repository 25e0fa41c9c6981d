//! `cache`: what a connector remembers for a while. What this attempt has put but not committed counts first.

use std::time::Duration;

use gladhand_core::attempt::CacheChange;
use serde_json::Value;

use super::View;
use crate::bindings::gladhand::connector::cache;
use crate::convert::{from_guest, to_guest};
use crate::host::Host;
use crate::stop::Stop;

impl Host {
    /// The value, unless it has expired.
    pub async fn cache_get(&mut self, key: &str) -> Result<Option<Value>, Stop> {
        let now = self.services.clock.now();
        let changes = self.attempt.changes.cache.iter().rev();
        let own = changes.into_iter().find_map(|change| match change {
            CacheChange::Put(own, value, until) if own == key => {
                Some((*until > now).then(|| value.clone()))
            }
            CacheChange::Remove(removed) if removed == key => Some(None),
            _ => None,
        });
        if let Some(own) = own {
            return Ok(own);
        }
        let cache = &self.services.ports.cache;
        Ok(cache
            .get(self.connection.id, self.attempt.state, key, now)
            .await?)
    }

    /// Keeps a value for a while. One that is too large is forgotten instead, and the log says so: it is a cache.
    pub fn cache_put(&mut self, key: &str, value: Value, ttl: Duration) -> Result<(), Stop> {
        let bytes = key.len() + value.to_string().len();
        if bytes > self.limits.value_bytes {
            let limit = self.limits.value_bytes;
            self.log.host_line(&format!(
                "a cache entry of {bytes} bytes was not kept: it may have at most {limit}"
            ));
            let shown = gladhand_mapping::text::truncate_bytes(key, limit).to_owned();
            return self.cache_remove(&shown);
        }
        self.keep(bytes)?;
        let until = self.services.clock.now().after(ttl);
        let change = CacheChange::Put(key.to_owned(), value, until);
        self.attempt.changes.cache.push(change);
        Ok(())
    }

    /// Forgets a value.
    pub fn cache_remove(&mut self, key: &str) -> Result<(), Stop> {
        self.keep(key.len())?;
        let change = CacheChange::Remove(key.to_owned());
        self.attempt.changes.cache.push(change);
        Ok(())
    }
}

impl cache::Host for View<'_> {
    async fn get(&mut self, key: String) -> wasmtime::Result<Option<String>> {
        let (host, meter) = self.host()?;
        let value = meter.host(host.cache_get(&key)).await?;
        Ok(value.map(|value| to_guest::json(&value)))
    }

    fn put(&mut self, key: String, value: String, ttl_ms: u64) -> wasmtime::Result<()> {
        let (host, meter) = self.host()?;
        let value = from_guest::json("cache.put", &value)?;
        Ok(meter.host_now(|| host.cache_put(&key, value, Duration::from_millis(ttl_ms)))?)
    }

    fn remove(&mut self, key: String) -> wasmtime::Result<()> {
        let (host, meter) = self.host()?;
        Ok(meter.host_now(|| host.cache_remove(&key))?)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::capability::doubles::{Doubles, delivery, misuse};

    const HOUR: Duration = Duration::from_hours(1);

    #[tokio::test]
    async fn an_attempt_sees_its_own_changes_before_what_is_stored() {
        let doubles = Doubles::new();
        doubles.store_cached("token", json!("old"));
        let mut host = doubles.delivery();
        let value = host.cache_get("token").await.expect("no error");
        assert_eq!(value, Some(json!("old")));

        host.cache_put("token", json!("new"), HOUR).expect("small");
        let value = host.cache_get("token").await.expect("no error");
        assert_eq!(value, Some(json!("new")));

        host.cache_remove("token").expect("small");
        assert_eq!(host.cache_get("token").await.expect("no error"), None);
    }

    #[tokio::test]
    async fn an_own_value_expires() {
        let doubles = Doubles::new();
        let mut host = doubles.delivery();
        host.cache_put("token", json!(1), HOUR).expect("small");
        doubles.clock.advance(HOUR);
        assert_eq!(host.cache_get("token").await.expect("no error"), None);
    }

    #[tokio::test]
    async fn a_value_that_is_too_large_is_forgotten_and_the_log_says_so() {
        let doubles = Doubles::new();
        doubles.store_cached("page", json!("old"));
        let mut host = doubles.delivery();
        host.cache_put("page", json!("x".repeat(300_000)), HOUR)
            .expect("it is only a cache");
        assert_eq!(host.cache_get("page").await.expect("no error"), None);
        assert_eq!(
            host.log.take()[0].message,
            "a cache entry of 300006 bytes was not kept: it may have at most 262144"
        );
    }

    #[test]
    fn a_life_without_end_is_clamped() {
        let mut host = delivery();
        host.cache_put("token", json!(1), Duration::MAX)
            .expect("small");
    }

    #[test]
    fn a_connector_cannot_leave_values_without_end() {
        let mut host = delivery();
        let stop = (0..100).try_for_each(|number| {
            host.cache_put(&number.to_string(), json!("x".repeat(200_000)), HOUR)
        });
        assert_eq!(
            misuse(stop),
            "the connector left more than 4194304 bytes of links and cache entries in one call: it must keep less"
        );
    }
}
