//! What setup found out about the CRM. `set` works only during `check` and `discover`.

use serde_json::Value;

use crate::host;

/// The value of one variable.
pub fn get(name: &str) -> Option<Value> {
    host::call(|host| host.variable_get(name))
}

/// Stores a variable until setup runs again.
pub fn set(name: &str, value: &Value) {
    host::call(|host| host.variable_set(name, value));
}
