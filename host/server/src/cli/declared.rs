//! What the configuration file declares: a command's change of it lasts until the next start.

use serde_json::Value;

use super::printer;

/// Says on stderr that the next start undoes what was done to this, where the file declares it.
pub fn tell(what: &str, shown: &Value, undoes: &str) {
    if shown["declared"] == true {
        let name = shown["name"].as_str().unwrap_or_default();
        printer::note(&format!(
            "the configuration file declares {what} `{name}`: the next start of the host {undoes}"
        ));
    }
}
