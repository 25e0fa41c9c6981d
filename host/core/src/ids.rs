//! Identifiers: newtypes over `UUIDv7` that print with a prefix, so that an id in a log line says what it names.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// Where new ids come from; a parameter, so that a test's ids are its own.
pub trait Ids: Send + Sync {
    /// A new `UUIDv7`.
    fn next(&self) -> Uuid;
}

/// A text that is no id of the kind asked for.
#[derive(Debug, thiserror::Error)]
#[error("expected an id like `{prefix}0197f3a2…` (32 hex digits after the prefix)")]
pub struct ParseError {
    prefix: &'static str,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Uuid);

        impl $name {
            /// What its text begins with.
            pub const PREFIX: &'static str = $prefix;

            /// A new id.
            pub fn new(ids: &dyn Ids) -> Self {
                Self(ids.next())
            }

            /// The id as it is stored.
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The id as it is stored.
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0.simple())
            }
        }

        impl FromStr for $name {
            type Err = ParseError;

            fn from_str(text: &str) -> Result<Self, ParseError> {
                text.strip_prefix($prefix)
                    .and_then(|hex| Uuid::try_parse(hex).ok())
                    .map(Self)
                    .ok_or(ParseError { prefix: $prefix })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

id!(
    /// A Chatwoot account that sends events.
    SourceId, "src_"
);
id!(
    /// A CRM installation and credential.
    AccountId, "acc_"
);
id!(
    /// A source joined to an account.
    ConnectionId, "con_"
);
id!(
    /// One thing that happened, as received.
    EventId, "evt_"
);
id!(
    /// One event for one connection.
    DeliveryId, "dlv_"
);
id!(
    /// One execution of a delivery.
    AttemptId, "att_"
);
id!(
    /// One journalled request.
    EffectId, "eff_"
);
id!(
    /// The right to work on a lane, as held by one worker.
    LeaseToken, "lse_"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_id_are_each_others_inverse() {
        let id = DeliveryId::from_uuid(Uuid::from_u128(0x0197_f3a2_0000_7000_8000_0000_0000_0001));
        assert_eq!(id.to_string(), "dlv_0197f3a2000070008000000000000001");
        assert_eq!(
            id.to_string().parse::<DeliveryId>().expect("its own text"),
            id
        );
    }

    #[test]
    fn an_id_of_another_kind_is_refused() {
        assert!(
            "evt_0197f3a2000070008000000000000001"
                .parse::<DeliveryId>()
                .is_err()
        );
    }
}
