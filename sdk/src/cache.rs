//! What a connector remembers for a while, scoped to the connection and to the descriptor's `state`.

use serde_json::Value;

use crate::host;

/// The value, unless it has expired.
pub fn get(key: &str) -> Option<Value> {
    host::call(|host| host.cache_get(key))
}

/// Remembers a value of at most 256 KiB for `ttl_ms` milliseconds.
pub fn put(key: &str, value: &Value, ttl_ms: u64) {
    host::call(|host| host.cache_put(key, value, ttl_ms));
}

/// Forgets a value.
pub fn remove(key: &str) {
    host::call(|host| host.cache_remove(key));
}
