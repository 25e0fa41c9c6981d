//! Imports the contract of another major version.

use gladhand_guests::{guest, skipped};

guest!(|_, _| {
    later::gladhand::connector::clock::now();
    Ok(skipped("never called"))
});

mod later {
    wit_bindgen::generate!({
        inline: "
            package gladhand:connector@2.0.0;

            interface clock {
                now: func() -> u64;
            }

            world later {
                import clock;
            }
        ",
    });
}
