//! Follows a redirect by hand, to wherever it points.

use gladhand_guests::{failure, get, guest};

guest!(|_, _| {
    let answer = get("/redirect").map_err(|error| failure("unavailable", &format!("{error:?}")))?;
    let target = answer
        .headers
        .iter()
        .find(|(name, _)| name == "location")
        .map_or("http://169.254.169.254/", |(_, value)| value);
    let answer = get(target);
    Err(failure("unavailable", &format!("{answer:?}")))
});
