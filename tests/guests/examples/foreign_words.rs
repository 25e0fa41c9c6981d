//! Answers with words that no host of this version knows. The event's id says which.

use gladhand_guests::bindings::gladhand::connector::types::{ChangeMade, Outcome, Skip};
use gladhand_guests::{failure, guest};

guest!(|_, event| match event.id.as_str() {
    "failure" => Err(failure("solar-flare", "the sun did it")),
    "host-failure" => Err(failure("memory", "no memory")),
    "outcome" => Ok(Outcome::Other("postponed".to_owned())),
    "skip" => Ok(Outcome::Skipped(Skip {
        code: "full-moon".to_owned(),
        reason: "it shines".to_owned(),
        attributes: Vec::new(),
    })),
    _ => Ok(Outcome::Synced(vec![ChangeMade {
        object: "person".to_owned(),
        remote_id: "7".to_owned(),
        action: "transmogrified".to_owned(),
        url: None,
        attributes: Vec::new(),
    }])),
});
