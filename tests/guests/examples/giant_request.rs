//! Sends a body that is larger than a request may be.

use gladhand_guests::bindings::gladhand::connector::http::{self, Effect};
use gladhand_guests::{failure, guest, request};

guest!(|_, _| {
    let body = Some(vec![b'x'; 2 << 20]);
    let answer = http::send(&request(
        "PUT",
        "/contacts/1",
        Effect::Set("contact/1".to_owned()),
        body,
    ));
    Err(failure("unavailable", &format!("{answer:?}")))
});
