//! Identity locks of the account: two contacts with one e-mail address must not make two records.

use crate::host;

/// Takes all of `keys` at once and returns when they are held; the settle of the attempt frees them.
///
/// Once per attempt. A `once` effect may only name keys that are held. Where they are not free within two seconds, the
/// host ends the attempt and tries the delivery again later: this function then does not return.
pub fn acquire(keys: &[String]) {
    host::call(|host| host.lock(keys));
}
