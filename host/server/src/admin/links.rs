//! Links: listed, imported, removed.

use gladhand_core::attempt::{Entity, Link};
use gladhand_core::connection::Connection;
use gladhand_store::link_book::{LinkFilter, LinkRecord};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Admin, Error, settings};

/// What a link can be of; those of identities are the account's, and no import may speak for it.
pub const ENTITY_KINDS: [&str; 4] = ["contact", "conversation", "message", "company"];

/// What one call takes; the command line sends a file in parts.
pub const LARGEST_IMPORT: usize = 1_000;

/// Which links of a connection to list.
#[derive(Debug, Clone, Default)]
pub struct LinkQuery {
    /// Of entities of this kind.
    pub kind: Option<String>,
    /// Of the entity with this id.
    pub id: Option<String>,
    /// To records of this kind.
    pub object: Option<String>,
    /// To this record.
    pub remote_id: Option<String>,
    /// Behind this one.
    pub after: Option<(String, String, String)>,
    /// At most so many.
    pub limit: u32,
}

/// A link to be put, as an export wrote it or a person.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewLink {
    /// The source's side.
    pub entity: Entity,
    /// The CRM's side.
    pub link: NewRecord,
    /// What an export says; an import gives it a new one.
    #[serde(default, skip_serializing)]
    pub updated_at: Option<i64>,
    /// Where it stands in the file that it is of: what is wrong with it is told with this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
}

/// The CRM's side of a link.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewRecord {
    /// The CRM's kind of record.
    pub object: String,
    /// Its id there.
    pub remote_id: String,
    /// Of the fields last written; without it the next delivery writes them anew.
    #[serde(default)]
    pub digest: Option<String>,
    /// The CRM's own version of the record.
    #[serde(default)]
    pub revision: Option<String>,
    /// Where a person opens it.
    #[serde(default)]
    pub url: Option<String>,
    /// Everything else.
    #[serde(default)]
    pub attributes: Map<String, Value>,
}

/// Links that can be put.
#[derive(Debug)]
pub struct Checked {
    connection: Connection,
    links: Vec<(Entity, Link)>,
}

impl Checked {
    /// How many.
    pub fn count(&self) -> usize {
        self.links.len()
    }
}

impl Admin {
    /// In order of entity and object.
    pub async fn list_links(
        &self,
        connection: &str,
        query: LinkQuery,
    ) -> Result<Vec<LinkRecord>, Error> {
        let connection = self.find_connection(connection).await?;
        let filter = LinkFilter {
            entity_kind: query.kind,
            entity_id: query.id,
            object: query.object,
            remote_id: query.remote_id,
            after: query.after,
            limit: query.limit,
        };
        Ok(self
            .parts
            .link_book
            .list_links(connection.id, filter)
            .await?)
    }

    /// Fails with everything that is wrong with links to be put.
    pub async fn check_links(
        &self,
        connection: &str,
        links: Vec<NewLink>,
    ) -> Result<Checked, Error> {
        let connection = self.find_connection(connection).await?;
        let mut problems = Vec::new();
        if links.len() > LARGEST_IMPORT {
            problems.push(format!(
                "at most {LARGEST_IMPORT} links are imported at once, and these are {}",
                links.len()
            ));
        }
        let objects = self.objects(&connection).await?;
        let flawed = links.iter().filter_map(|link| {
            let problem = link_problem(link, &objects)?;
            Some(match link.line {
                Some(line) => format!("line {line}: {problem}"),
                None => problem,
            })
        });
        problems.extend(flawed);
        if !problems.is_empty() {
            return Err(Error::Invalid(problems));
        }
        let pairs = links.into_iter().map(NewLink::into_pair).collect();
        Ok(Checked {
            connection,
            links: pairs,
        })
    }

    /// Puts links, all or none.
    pub async fn put_links(&self, checked: Checked) -> Result<(), Error> {
        let Checked { connection, links } = checked;
        self.parts
            .link_book
            .put_links(connection.id, &links, self.now())
            .await?;
        let detail = format!("links imported: {}", links.len());
        self.record("link.import", &connection.name, detail).await;
        Ok(())
    }

    /// Removes one.
    pub async fn remove_link(
        &self,
        connection: &str,
        entity: &Entity,
        object: &str,
    ) -> Result<(), Error> {
        let connection = self.find_connection(connection).await?;
        let link_book = &self.parts.link_book;
        let is_removed = link_book
            .remove_link(connection.id, entity, object, self.now())
            .await?;
        let name = &connection.name;
        let Entity { kind, id } = entity;
        if !is_removed {
            return Err(Error::Absent(format!(
                "connection `{name}` has no link from {kind} `{id}` to a record of kind `{object}`; \
                 `gladhand link list --connection {name} --entity {kind}:{id}` shows those there are"
            )));
        }
        let subject = format!("{name}, {kind} {id}");
        let detail = format!("its link to a record of kind `{object}` was removed");
        self.record("link.remove", &subject, detail).await;
        Ok(())
    }

    /// The kinds of record that the connection's version writes; empty where it does not say.
    async fn objects(&self, connection: &Connection) -> Result<Vec<String>, Error> {
        let versions = self.parts.catalog.versions().await?;
        let routes = self.parts.catalog.routes().await?;
        let route = routes.iter().find(|(id, _)| *id == connection.id);
        let route = route.map(|(_, digest)| digest.as_str());
        let version = settings::version_of(connection, route, &versions);
        Ok(version.map_or_else(|_| Vec::new(), |version| version.descriptor.objects.clone()))
    }
}

fn link_problem(new: &NewLink, objects: &[String]) -> Option<String> {
    let NewLink { entity, link, .. } = new;
    let Entity { kind, id } = entity;
    if !ENTITY_KINDS.contains(&kind.as_str()) {
        return Some(format!(
            "a link is of a {}, not of a `{kind}`",
            ENTITY_KINDS.join(", ")
        ));
    }
    if id.is_empty() || link.remote_id.is_empty() || link.object.is_empty() {
        return Some(format!(
            "the link of {kind} `{id}` lacks an id or the kind of its record"
        ));
    }
    let is_written = objects.is_empty() || objects.contains(&link.object);
    (!is_written).then(|| {
        format!(
            "the link of {kind} `{id}` is to a `{}`, which this connector does not write; it writes {}",
            link.object,
            objects.join(", ")
        )
    })
}

impl NewLink {
    fn into_pair(self) -> (Entity, Link) {
        let NewRecord {
            object,
            remote_id,
            digest,
            revision,
            url,
            attributes,
        } = self.link;
        let link = Link {
            object,
            remote_id,
            digest,
            revision,
            url,
            attributes,
        };
        (self.entity, link)
    }
}
