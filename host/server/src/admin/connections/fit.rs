//! Whether a connection fits the version that it runs or is to run.

use gladhand_core::connection::Connection;

use crate::admin::{Admin, Error, settings};

/// A connection as it would be, and what is known to be wrong with it so far.
pub struct Fit<'a> {
    /// As it would be.
    pub connection: &'a Connection,
    /// It runs a version already, and keeps it.
    pub is_routed: bool,
    /// Where its CRM is was said.
    pub has_base_url: bool,
    /// The credentials that are given with it …
    pub credentials: Vec<&'a str>,
    /// … and those that its account has.
    pub stored: Vec<&'a str>,
    /// What is wrong already.
    pub problems: Vec<String>,
}

impl Admin {
    /// Fails with everything that does not fit; returns the digest of the version that it must fit.
    pub(super) async fn check_fit(&self, fit: Fit<'_>) -> Result<String, Error> {
        let Fit {
            connection,
            is_routed,
            has_base_url,
            credentials,
            stored,
            mut problems,
        } = fit;
        let versions = self.parts.catalog.versions().await?;
        let routes = if is_routed {
            self.parts.catalog.routes().await?
        } else {
            Vec::new()
        };
        let route = routes
            .iter()
            .find(|(id, _)| *id == connection.id)
            .map(|(_, digest)| digest.as_str());
        let version = match settings::version_of(connection, route, &versions) {
            Ok(version) => version,
            Err(problem) => {
                problems.push(problem);
                return Err(Error::Invalid(problems));
            }
        };
        let given = settings::Given {
            has_base_url,
            credentials: &credentials,
            stored: &stored,
            settings: &connection.settings,
        };
        problems.extend(settings::misfits(&version.descriptor, &given));
        if problems.is_empty() {
            Ok(version.digest.clone())
        } else {
            Err(Error::Invalid(problems))
        }
    }
}
