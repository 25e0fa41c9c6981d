//! One account as a connector reaches it: what it may ask for, with which credentials, and what must be scrubbed.
//!
//! Made once and shared by every attempt. It holds secrets, so it has no `Debug` of its own fields.

use std::fmt;
use std::sync::Arc;

use gladhand_core::connection::Account;
use gladhand_core::descriptor::Descriptor;
use secrecy::{ExposeSecret, SecretString};

use crate::credentials::Credentials;
use crate::policy::Policy;
use crate::scrub::Scrubber;

/// One account as a connector reaches it.
pub struct Target {
    account: Account,
    descriptor: Arc<Descriptor>,
    policy: Policy,
    credentials: Credentials,
    scrubber: Scrubber,
}

/// Why an account cannot be reached through a connector.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operator must correct the base URL.
    #[error("the base URL of account `{account}` cannot be used: {reason}")]
    BaseUrl {
        /// Which account.
        account: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The connector's author must correct the descriptor.
    #[error(
        "the descriptor's host `{0}` is none: expected `{{base-url}}`, `crm.example.com` or `*.example.com`"
    )]
    HostPattern(String),
    /// The connector's author must correct the descriptor.
    #[error("the descriptor's header `{0}` is no name of a header")]
    Header(String),
    /// The operator must give the credential.
    #[error("account `{account}` has no credential `{name}`; set it, the connector needs it")]
    MissingCredential {
        /// Which account.
        account: String,
        /// What the descriptor calls it.
        name: String,
    },
    /// The operator must correct the credential.
    #[error(
        "the credential `{name}` of account `{account}` has characters that no header can carry"
    )]
    UnusableCredential {
        /// Which account.
        account: String,
        /// What the descriptor calls it.
        name: String,
    },
}

impl Target {
    /// Checks that account, descriptor and credentials fit together. Every given credential is scrubbed from answers,
    /// also those that the descriptor does not ask for.
    pub fn new(
        account: Account,
        descriptor: Arc<Descriptor>,
        credentials: Vec<(String, SecretString)>,
    ) -> Result<Self, Error> {
        let policy = Policy::new(&account, &descriptor)?;
        let scrubber = Scrubber::new(credentials.iter().map(|(_, secret)| secret.expose_secret()));
        let credentials = Credentials::new(&account.name, &descriptor.auth, credentials)?;
        Ok(Self {
            account,
            descriptor,
            policy,
            credentials,
            scrubber,
        })
    }

    /// Whose budgets, locks and breaker it uses.
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// What the connector says of itself.
    pub fn descriptor(&self) -> &Arc<Descriptor> {
        &self.descriptor
    }

    /// The text without any of the account's secrets: for log lines, failures and whatever else a connector says.
    pub fn scrub(&self, text: String) -> String {
        self.scrubber.text(text)
    }

    pub(crate) fn policy(&self) -> &Policy {
        &self.policy
    }

    pub(crate) fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    pub(crate) fn scrubber(&self) -> &Scrubber {
        &self.scrubber
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target")
            .field("account", &self.account.name)
            .field("connector", &self.descriptor.id)
            .finish_non_exhaustive()
    }
}
