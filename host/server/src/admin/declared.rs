//! Sources and connections of the configuration file: applied at start, matched by name.
//!
//! What the file does not name stays as it is: it may have been created at run time.

use gladhand_core::connection::Connection;
use gladhand_core::ids::SourceId;
use gladhand_store::settings::SecretOwner;

use super::{Admin, Error, NewConnection, NewSource, secrets, url};

/// What the file declares, with secrets opened.
#[derive(Debug, Clone, Default)]
pub struct Declared {
    /// In the order of the file.
    pub sources: Vec<NewSource>,
    /// In the order of the file.
    pub connections: Vec<NewConnection>,
}

/// What the file names: whatever becomes of it at run time, the next start makes it as the file says.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// Of sources.
    pub sources: Vec<String>,
    /// Of connections.
    pub connections: Vec<String>,
}

impl Admin {
    /// Applies what fits; fails with everything that does not, each with its name.
    pub async fn apply(&self, declared: Declared) -> Result<(), Error> {
        let _one_at_a_time = self.changing.lock().await;
        let mut problems = Vec::new();
        for source in declared.sources {
            let name = source.name.clone();
            let known = self
                .parts
                .settings
                .sources()
                .await?
                .into_iter()
                .find(|known| known.name == name);
            let id = known.map_or_else(|| SourceId::new(&*self.parts.ids), |known| known.id);
            note(
                &mut problems,
                "source",
                &name,
                self.put_source(id, source).await,
            )?;
        }
        self.rotate_shared(&declared.connections).await?;
        for connection in declared.connections {
            let name = connection.name.clone();
            let existing = self
                .parts
                .settings
                .connections()
                .await?
                .into_iter()
                .find(|known| known.name == name);
            note(
                &mut problems,
                "connection",
                &name,
                self.put_connection(existing.as_ref(), connection).await,
            )?;
        }
        self.parts.operations.reload().await;
        if problems.is_empty() {
            Ok(())
        } else {
            Err(Error::Invalid(problems))
        }
    }

    /// Gives a shared account its new credential where all its connections have the same new one. One by one, each
    /// would leave the account for a new one, and lose its identity links and effect keys.
    async fn rotate_shared(&self, declared: &[NewConnection]) -> Result<(), Error> {
        let settings = &*self.parts.settings;
        let connections = settings.connections().await?;
        for account in settings.accounts().await? {
            let users: Vec<&Connection> = connections
                .iter()
                .filter(|connection| connection.account == account.id)
                .collect();
            let wanted =
                |user: &&Connection| declared.iter().find(|declared| declared.name == user.name);
            let Some(wanted) = users.iter().map(wanted).collect::<Option<Vec<_>>>() else {
                continue;
            };
            // One that gives none has those of its account.
            let mut giving = wanted.iter();
            let Some(first) = giving.find(|connection| !connection.credentials.is_empty()) else {
                continue;
            };
            let is_same = |connection: &&NewConnection| {
                let base_url = connection
                    .base_url
                    .as_deref()
                    .map(|base_url| url::canonical(base_url, connection.allow_http));
                let base_url = base_url.transpose();
                base_url
                    .as_ref()
                    .is_ok_and(|base_url| *base_url == account.base_url)
                    && (connection.credentials.is_empty()
                        || secrets::are_equal(&connection.credentials, &first.credentials))
            };
            if !wanted.iter().all(is_same) {
                continue;
            }
            for (name, secret) in &first.credentials {
                settings
                    .put_secret(SecretOwner::Account(account.id), name, secret)
                    .await?;
            }
        }
        Ok(())
    }
}

/// What does not fit is noted; what keeps anything from being applied ends it.
fn note<T>(
    problems: &mut Vec<String>,
    what: &str,
    name: &str,
    result: Result<T, Error>,
) -> Result<(), Error> {
    match result {
        Ok(_) => Ok(()),
        Err(Error::Invalid(found)) => {
            problems.extend(
                found
                    .into_iter()
                    .map(|problem| format!("{what} `{name}`: {problem}")),
            );
            Ok(())
        }
        Err(error) => Err(error),
    }
}
