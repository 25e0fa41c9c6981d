//! The rate limit: so many requests per minute and user, or per address before a login (facts §2). A window
//! starts with its first request and ends a minute later.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use gladhand_core::clock::Timestamp;

use super::error::Failure;

const WINDOW: Duration = Duration::from_mins(1);

/// Whom a window counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Key {
    /// A user, over all tokens.
    User(u32),
    /// An address that is not logged in.
    Address(IpAddr),
}

/// The windows.
#[derive(Debug, Default)]
pub struct Throttle(HashMap<Key, (Timestamp, u32)>);

impl Throttle {
    /// Counts a request; gives how many are left in the window.
    pub fn take(&mut self, key: Key, limit: u32, now: Timestamp) -> Result<u32, Failure> {
        let (ends, used) = self.0.entry(key).or_insert((now.after(WINDOW), 0));
        if now >= *ends {
            (*ends, *used) = (now.after(WINDOW), 0);
        }
        if *used >= limit {
            return Err(Failure::Throttled {
                limit,
                retry_after_secs: ends
                    .since(now)
                    .as_millis()
                    .div_ceil(1000)
                    .try_into()
                    .unwrap_or(60),
                reset: ends.0.div_euclid(1000),
            });
        }
        *used += 1;
        Ok(limit - *used)
    }

    /// Starts every window anew.
    pub fn reset(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_ends_a_minute_after_its_first_request() {
        let mut throttle = Throttle::default();
        let key = Key::User(1);
        assert_eq!(throttle.take(key, 2, Timestamp(0)), Ok(1));
        assert_eq!(throttle.take(key, 2, Timestamp(30_000)), Ok(0));
        let refused = throttle.take(key, 2, Timestamp(59_500));
        let expect = Failure::Throttled {
            limit: 2,
            retry_after_secs: 1,
            reset: 60,
        };
        assert_eq!(refused, Err(expect));
        assert_eq!(throttle.take(Key::User(2), 2, Timestamp(59_500)), Ok(1));
        assert_eq!(throttle.take(key, 2, Timestamp(60_000)), Ok(1));
    }
}
