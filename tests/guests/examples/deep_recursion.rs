//! Calls itself until the stack ends.

use gladhand_guests::{guest, skipped};

guest!(|_, event| Ok(skipped(descend(event.occurred_at).to_string())));

/// Each turn needs the result of the next one, and no memory but the call stack.
#[inline(never)]
fn descend(depth: u64) -> u64 {
    if depth == 0 {
        return 1;
    }
    descend(depth - 1).rotate_left(3) ^ depth
}
