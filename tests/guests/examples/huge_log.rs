//! Logs far more than it may, through every way there is.

use gladhand_guests::bindings::gladhand::connector::log;
use gladhand_guests::{guest, skipped};

#[expect(
    clippy::disallowed_macros,
    reason = "writing to standard output is what is tried here"
)]
fn shout() {
    let line = "a".repeat(20_000);
    for _ in 0..150 {
        log::write("info", &line, &[("field".to_owned(), line.clone())]);
        println!("{line}");
    }
}

guest!(|_, _| {
    shout();
    Ok(skipped("logged"))
});
