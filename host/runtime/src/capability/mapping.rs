//! `mapping`: the descriptor's mapping rules, run by the host so that every connector has the same language.

use serde_json::Value;

use super::View;
use crate::bindings::gladhand::connector::mapping;
use crate::convert::to_guest;
use crate::host::Host;

impl Host {
    /// Runs the rule set `object` over `source`: (field, value) in the order of the rules.
    pub fn map_fields(&self, object: &str, source: &Value) -> Result<Vec<(String, Value)>, String> {
        let rules = self
            .target
            .descriptor()
            .mapping
            .get(object)
            .ok_or_else(|| format!("the descriptor has no mapping rules for `{object}`"))?;
        let country = self.connection.settings["default_country"].as_str();
        gladhand_mapping::fields(rules, source, country).map_err(|error| error.to_string())
    }
}

impl mapping::Host for View<'_> {
    fn fields(
        &mut self,
        object: String,
        source: String,
    ) -> wasmtime::Result<Result<Vec<mapping::Attribute>, String>> {
        let (host, meter) = self.host()?;
        Ok(meter.host_now(|| {
            let source = serde_json::from_str(&source)
                .map_err(|error| format!("the source is not JSON: {error}"))?;
            let fields = host.map_fields(&object, &source)?;
            Ok(to_guest::attributes(fields))
        }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::capability::doubles::delivery;

    #[test]
    fn rules_of_the_descriptor_are_followed_with_the_settings_country() {
        let source = json!({ "name": " Jane ", "phone": "(415) 555-2671" });
        assert_eq!(
            delivery().map_fields("person", &source),
            Ok(vec![
                ("name".to_owned(), json!("Jane")),
                ("phone".to_owned(), json!("+14155552671")),
            ])
        );
    }

    #[test]
    fn an_unknown_rule_set_is_named() {
        assert_eq!(
            delivery().map_fields("deal", &json!({})),
            Err("the descriptor has no mapping rules for `deal`".to_owned())
        );
    }
}
