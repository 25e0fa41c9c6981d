//! Makes the host keep more than it should: links without end.

use gladhand_guests::bindings::gladhand::connector::links::{self, Entity, Link};
use gladhand_guests::guest;

guest!(|_, _| {
    for number in 0_u64.. {
        let entity = Entity {
            kind: "contact".to_owned(),
            id: number.to_string(),
        };
        let link = Link {
            object: "person".to_owned(),
            remote_id: "x".repeat(10_000),
            digest: None,
            revision: None,
            url: None,
            attributes: Vec::new(),
        };
        links::put(&entity, &link);
    }
    unreachable!("numbers do not end")
});
