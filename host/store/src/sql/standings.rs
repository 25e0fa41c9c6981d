//! What hosts know of accounts together.

use async_trait::async_trait;
use gladhand_core::ids::AccountId;
use gladhand_core::port::{self, Standing, Standings};
use serde_json::Value;

use super::Store;
use super::database::Row;
use super::query::Query;
use super::rows::{self, to_json};
use crate::Error;

#[async_trait]
impl Standings for Store {
    async fn all(&self) -> Result<Vec<Standing>, port::Error> {
        let found = Query::new("SELECT * FROM standings ORDER BY account, name")
            .read(&self.readers)
            .await
            .map_err(Error::from)?;
        Ok(found.iter().map(standing).collect::<Result<_, Error>>()?)
    }

    async fn get(&self, account: AccountId, name: &str) -> Result<Option<Standing>, port::Error> {
        let row = Query::new("SELECT * FROM standings WHERE account = ? AND name = ?")
            .bind(account.uuid())
            .bind(name)
            .read_one(&self.readers)
            .await
            .map_err(Error::from)?;
        Ok(row.as_ref().map(standing).transpose()?)
    }

    async fn replace(
        &self,
        account: AccountId,
        name: &str,
        revision: i64,
        value: &Value,
    ) -> Result<Option<i64>, port::Error> {
        let (name, value) = (name.to_owned(), to_json(value));
        let changed = self
            .write(move |database| {
                Box::pin(async move {
                    let query = if revision == 0 {
                        Query::new(
                            "INSERT INTO standings (account, name, revision, value) VALUES (?, ?, 1, ?) \
                             ON CONFLICT (account, name) DO NOTHING",
                        )
                        .bind(account.uuid())
                        .bind(name)
                        .bind(value)
                    } else {
                        Query::new(
                            "UPDATE standings SET revision = revision + 1, value = ? \
                             WHERE account = ? AND name = ? AND revision = ?",
                        )
                        .bind(value)
                        .bind(account.uuid())
                        .bind(name)
                        .bind(revision)
                    };
                    Ok(query.execute(database).await?)
                })
            })
            .await?;
        Ok((changed > 0).then_some(revision + 1))
    }
}

fn standing(row: &Row) -> Result<Standing, Error> {
    let name: String = row.try_get("name")?;
    let value = rows::json(row, || rows::Cell {
        table: "standings",
        column: "value",
        row: name.clone(),
    })?;
    Ok(Standing {
        account: AccountId::from_uuid(row.try_get("account")?),
        revision: row.try_get("revision")?,
        value,
        name,
    })
}
