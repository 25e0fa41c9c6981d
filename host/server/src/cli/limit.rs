//! `--limit`: how much of a listing is shown, and that there is more of it.

use clap::Args;
use serde_json::Value;

use super::printer;
use crate::client::{Client, Error};

/// As many as the API gives at once.
pub const PAGE: usize = 1_000;

/// More than anybody reads, and no more than fits into memory.
const MOST: i64 = 100_000;

/// How much of a listing is shown.
#[derive(Debug, Clone, Copy, Args)]
pub struct Limit {
    /// At most so many
    #[arg(long, value_name = "NUMBER", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=MOST))]
    limit: u32,
}

/// Whether there is more than is shown.
pub struct Rest {
    shown: usize,
    is_more: bool,
}

impl Limit {
    /// How many to ask for at once: one more than is shown tells whether there is more.
    pub fn page(self) -> String {
        (self.limit as usize + 1).min(PAGE).to_string()
    }

    /// The first items of a list.
    pub async fn first(
        self,
        client: &Client,
        path: &[&str],
        query: &[(&str, String)],
    ) -> Result<(Vec<Value>, Rest), Error> {
        let shown = self.limit as usize;
        let mut items = client.list(path, query, Some(shown + 1)).await?;
        let is_more = items.len() > shown;
        items.truncate(shown);
        Ok((items, Rest { shown, is_more }))
    }
}

impl Rest {
    /// Says it on stderr, below what is shown.
    pub fn tell(&self) {
        if self.is_more {
            let these = match self.shown {
                1 => "this one".to_owned(),
                shown => format!("these {shown}"),
            };
            printer::note(&format!(
                "there are more than {these}; --limit NUMBER shows up to {MOST}"
            ));
        }
    }
}
