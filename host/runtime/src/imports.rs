//! What this host provides, and what of a component's imports it does not.

use wasmtime::Engine;
use wasmtime::component::types;

use crate::refusal::LoadError;

/// The version of the contract that this host speaks.
pub const SPOKEN: &str = "0.1.0";

/// What the major version is while it is 0: `0.N`.
const SPOKEN_MAJOR: &str = "0.1";

const PACKAGE: &str = "gladhand:connector";

/// Every interface that the contract's world imports, with its functions.
const PROVIDED: [(&str, &[&str]); 10] = [
    ("types", &[]),
    ("http", &["send", "conclude", "report-budget"]),
    (
        "links",
        &["get", "put", "redirect", "remove", "list", "find-by-remote"],
    ),
    ("variables", &["get", "set"]),
    ("cache", &["get", "put", "remove"]),
    ("locks", &["acquire"]),
    ("mapping", &["fields"]),
    (
        "text",
        &[
            "e164",
            "html-to-text",
            "markdown-to-html",
            "escape-html",
            "truncate-bytes",
        ],
    ),
    ("log", &["write"]),
    ("clock", &["now", "local"]),
];

/// The packages of WASI 0.2 that are linked, locked down.
const WASI: [&str; 6] = [
    "wasi:cli",
    "wasi:clocks",
    "wasi:filesystem",
    "wasi:io",
    "wasi:random",
    "wasi:sockets",
];

/// Fails with everything that `component` imports and this host does not provide.
pub fn check(component: &types::Component, engine: &Engine) -> Result<(), LoadError> {
    let mut missing = Vec::new();
    for (name, item) in component.imports(engine) {
        let Some(import) = Import::parse(name) else {
            missing.push(format!("`{name}`, which is no interface"));
            continue;
        };
        if import.package == PACKAGE {
            if import.major() != SPOKEN_MAJOR {
                return Err(LoadError::OtherMajor {
                    found: import.version.to_owned(),
                    spoken: SPOKEN,
                });
            }
            missing.extend(missing_functions(&import, &item.ty, engine));
        } else if import.package == "wasi:http" {
            missing.push(format!(
                "`{name}`: requests go through {PACKAGE}/http, which knows what they do"
            ));
        } else if !WASI.contains(&import.package) || import.major() != "0.2" {
            missing.push(format!("`{name}`"));
        }
    }
    if missing.is_empty() {
        Ok(())
    } else {
        Err(LoadError::Imports(missing))
    }
}

fn missing_functions(
    import: &Import<'_>,
    item: &types::ComponentItem,
    engine: &Engine,
) -> Vec<String> {
    let provided = PROVIDED
        .iter()
        .find(|(interface, _)| *interface == import.interface);
    let Some((interface, functions)) = provided else {
        return vec![format!(
            "the interface `{}`, which {PACKAGE} {SPOKEN} does not have",
            import.interface
        )];
    };
    let types::ComponentItem::ComponentInstance(instance) = item else {
        return Vec::new();
    };
    instance
        .exports(engine)
        .filter(|(_, item)| matches!(item.ty, types::ComponentItem::ComponentFunc(_)))
        .filter(|(name, _)| !functions.contains(name))
        .map(|(name, _)| format!("`{interface}.{name}`, which {PACKAGE} {SPOKEN} does not have"))
        .collect()
}

/// `package/interface@version`
struct Import<'a> {
    package: &'a str,
    interface: &'a str,
    version: &'a str,
}

impl<'a> Import<'a> {
    fn parse(name: &'a str) -> Option<Self> {
        let (path, version) = name.split_once('@')?;
        let (package, interface) = path.split_once('/')?;
        Some(Self {
            package,
            interface,
            version,
        })
    }

    /// What must agree: the first number, and while that is 0 the second too.
    fn major(&self) -> &'a str {
        let version = self.version;
        let mut dots = version.match_indices('.').map(|(at, _)| at);
        let end = if version.starts_with("0.") {
            dots.nth(1)
        } else {
            dots.next()
        };
        &version[..end.unwrap_or(version.len())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_major(version: &str, expect: &str) {
        let import = Import {
            package: "",
            interface: "",
            version,
        };
        assert_eq!(import.major(), expect);
    }

    #[test]
    fn before_one_the_second_number_is_the_major() {
        check_major("0.2.12", "0.2");
        check_major("1.4.0", "1");
        check_major("2", "2");
        check_major("0", "0");
    }

    #[test]
    fn what_is_provided_is_what_the_contract_says() {
        let wit = include_str!("../../../wit/host.wit");
        let mut said = Vec::new();
        for line in wit.lines().map(str::trim) {
            if let Some(interface) = line.strip_prefix("interface ") {
                said.push((interface.trim_end_matches(" {"), Vec::new()));
            } else if let Some((name, _)) = line.split_once(": func(")
                && let Some((_, functions)) = said.last_mut()
            {
                functions.push(name.trim_start_matches('%'));
            }
        }
        let provided: Vec<_> = PROVIDED
            .into_iter()
            .filter(|(_, functions)| !functions.is_empty())
            .map(|(interface, functions)| (interface, functions.to_vec()))
            .collect();
        assert_eq!(said, provided);
        assert!(wit.contains(&format!("package {PACKAGE}@{SPOKEN};")));
        assert!(SPOKEN.starts_with(SPOKEN_MAJOR));
    }
}
