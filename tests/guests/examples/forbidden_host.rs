//! Asks for a host that its descriptor does not name.

use gladhand_guests::{failure, get, guest};

guest!(|_, _| {
    let answer = get("https://elsewhere.example/steal");
    Err(failure("unavailable", &format!("{answer:?}")))
});
