//! Turns the link changes of many attempts into few steps: the last change of a link counts, a redirect stands between.
//! Pure.

use std::collections::HashMap;

use gladhand_core::attempt::{Entity, Link, LinkChange};
use gladhand_core::ids::{AccountId, ConnectionId};
use gladhand_core::port::Scope;
use uuid::Uuid;

/// Which link.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct LinkKey<'c> {
    /// The connection; of an identity the account.
    pub(crate) owner: Uuid,
    pub(crate) entity: &'c Entity,
    pub(crate) object: &'c str,
}

/// One step; steps are taken in order.
#[derive(Debug, PartialEq)]
pub(crate) enum Step<'c> {
    /// Each of these is what it says, or is gone.
    Write(HashMap<LinkKey<'c>, Option<&'c Link>>),
    /// Every link of (object, from) of these owners points to another record.
    Redirect {
        connection: ConnectionId,
        account: AccountId,
        object: &'c str,
        from: &'c str,
        to: &'c str,
    },
}

/// Whose row a link is.
pub(crate) fn owner(scope: Scope, entity: &Entity) -> Uuid {
    if entity.is_of_account() {
        scope.account.uuid()
    } else {
        scope.connection.uuid()
    }
}

/// Folds changes, given in order, each with its scope.
pub(crate) fn fold<'c>(changes: impl Iterator<Item = (Scope, &'c LinkChange)>) -> Vec<Step<'c>> {
    let mut steps = Vec::new();
    for (scope, change) in changes {
        match change {
            LinkChange::Put(entity, link) => {
                let key = LinkKey {
                    owner: owner(scope, entity),
                    entity,
                    object: &link.object,
                };
                write(&mut steps, key, Some(link));
            }
            LinkChange::Remove(entity, object) => {
                write(
                    &mut steps,
                    LinkKey {
                        owner: owner(scope, entity),
                        entity,
                        object,
                    },
                    None,
                );
            }
            LinkChange::Redirect { object, from, to } => steps.push(Step::Redirect {
                connection: scope.connection,
                account: scope.account,
                object,
                from,
                to,
            }),
        }
    }
    steps
}

fn write<'c>(steps: &mut Vec<Step<'c>>, key: LinkKey<'c>, link: Option<&'c Link>) {
    if let Some(Step::Write(links)) = steps.last_mut() {
        links.insert(key, link);
    } else {
        steps.push(Step::Write(HashMap::from([(key, link)])));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCOPE: Scope = Scope {
        connection: ConnectionId::from_uuid(Uuid::from_u128(1)),
        account: AccountId::from_uuid(Uuid::from_u128(2)),
    };

    fn entity(kind: &str, id: &str) -> Entity {
        Entity {
            kind: kind.into(),
            id: id.into(),
        }
    }

    fn put(entity: &Entity, remote_id: &str) -> LinkChange {
        let link = Link {
            object: "person".into(),
            remote_id: remote_id.into(),
            digest: None,
            revision: None,
            url: None,
            attributes: serde_json::Map::new(),
        };
        LinkChange::Put(entity.clone(), link)
    }

    fn remote_ids<'s>(step: &'s Step<'_>) -> Vec<Option<&'s str>> {
        let Step::Write(links) = step else {
            panic!("{step:?} writes nothing");
        };
        links
            .values()
            .map(|link| link.map(|link| link.remote_id.as_str()))
            .collect()
    }

    #[test]
    fn the_last_change_of_a_link_counts() {
        let jane = entity("contact", "7");
        let changes = [put(&jane, "1"), put(&jane, "2")];
        let steps = fold(changes.iter().map(|change| (SCOPE, change)));
        assert_eq!(steps.len(), 1);
        assert_eq!(remote_ids(&steps[0]), [Some("2")]);

        let changes = [put(&jane, "1"), LinkChange::Remove(jane, "person".into())];
        let steps = fold(changes.iter().map(|change| (SCOPE, change)));
        assert_eq!(remote_ids(&steps[0]), [None]);
    }

    #[test]
    fn a_redirect_stands_between_what_came_before_and_after() {
        let jane = entity("contact", "7");
        let redirect = LinkChange::Redirect {
            object: "person".into(),
            from: "1".into(),
            to: "9".into(),
        };
        let changes = [put(&jane, "1"), redirect, put(&jane, "1")];
        let steps = fold(changes.iter().map(|change| (SCOPE, change)));
        assert_eq!(steps.len(), 3);
        assert!(matches!(
            steps[1],
            Step::Redirect {
                from: "1",
                to: "9",
                ..
            }
        ));
    }

    #[test]
    fn identities_are_the_accounts() {
        assert_eq!(
            owner(SCOPE, &entity("identity", "email:jane@x")),
            SCOPE.account.uuid()
        );
        assert_eq!(
            owner(SCOPE, &entity("contact", "7")),
            SCOPE.connection.uuid()
        );
    }
}
