//! `variables`: what setup found out about the CRM. Written during setup, read by deliveries.

use serde_json::Value;

use super::View;
use crate::bindings::gladhand::connector::variables;
use crate::convert::{from_guest, to_guest};
use crate::host::{Host, Purpose};
use crate::stop::Stop;

impl Host {
    /// The value of one.
    pub async fn variable_get(&mut self, name: &str) -> Result<Option<Value>, Stop> {
        let variables = &self.services.ports.variables;
        Ok(variables.get(self.connection.id, name).await?)
    }

    /// Stores one, at once; only during setup.
    pub async fn variable_set(&mut self, name: &str, value: Value) -> Result<(), Stop> {
        if self.purpose != Purpose::Setup {
            return Err(Stop::misuse(
                "the connector called `variables.set` during a delivery: it may only during check and discover",
            ));
        }
        let bytes = name.len() + value.to_string().len();
        if bytes > self.limits.value_bytes {
            return Err(Stop::misuse(format!(
                "the variable `{}` has {bytes} bytes and may have at most {}",
                gladhand_mapping::text::truncate_bytes(name, 100),
                self.limits.value_bytes
            )));
        }
        let variables = &self.services.ports.variables;
        Ok(variables.set(self.connection.id, name, value).await?)
    }
}

impl variables::Host for View<'_> {
    async fn get(&mut self, name: String) -> wasmtime::Result<Option<String>> {
        let (host, meter) = self.host()?;
        let value = meter.host(host.variable_get(&name)).await?;
        Ok(value.map(|value| to_guest::json(&value)))
    }

    async fn set(&mut self, name: String, value: String) -> wasmtime::Result<()> {
        let (host, meter) = self.host()?;
        let value = from_guest::json("variables.set", &value)?;
        Ok(meter.host(host.variable_set(&name, value)).await?)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::capability::doubles::{delivery, misuse, setup};

    #[tokio::test]
    async fn setup_stores_and_reads() {
        let mut host = setup();
        host.variable_set("pipeline", json!({ "id": 1 }))
            .await
            .expect("setup may");
        let value = host.variable_get("pipeline").await.expect("it is stored");
        assert_eq!(value, Some(json!({ "id": 1 })));
        assert_eq!(host.variable_get("stage").await.expect("no error"), None);
    }

    #[tokio::test]
    async fn a_delivery_may_not_store() {
        let stop = delivery().variable_set("pipeline", json!(1)).await;
        assert_eq!(
            misuse(stop),
            "the connector called `variables.set` during a delivery: it may only during check and discover"
        );
    }

    #[tokio::test]
    async fn a_value_that_is_too_large_is_misuse() {
        let stop = setup()
            .variable_set("pipeline", json!("x".repeat(256 << 10)))
            .await;
        assert_eq!(
            misuse(stop),
            "the variable `pipeline` has 262154 bytes and may have at most 262144"
        );
    }
}
