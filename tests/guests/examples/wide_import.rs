//! Imports what no host of this version offers: a newer `log` with one more function, and WASI's own HTTP.

use gladhand_guests::{guest, skipped};

guest!(|_, _| {
    newer::gladhand::connector::log::metric("n", 1);
    newer::wasi::http::outgoing::send();
    Ok(skipped("never called"))
});

mod newer {
    wit_bindgen::generate!({
        inline: "
            package gladhand:connector@0.1.9;

            interface log {
                write: func(level: string, message: string, fields: list<tuple<string, string>>);
                metric: func(name: string, value: u64);
            }

            world newer {
                import log;
                import wasi:http/outgoing@0.2.0;
            }

            package wasi:http@0.2.0 {
                interface outgoing {
                    send: func();
                }
            }
        ",
        generate_all,
    });
}
