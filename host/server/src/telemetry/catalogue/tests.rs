//! The list against the places where metrics are moved, the guide for operators and the alert rules.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::*;

/// A metric as a place has it: its kind and its labels.
type Shape = (&'static str, BTreeSet<String>);

const GUIDE: &str = "docs/operating.md";
const RULES: &str = "docs/alerts/gladhand.rules.yml";

#[test]
fn the_list_is_what_the_program_moves() {
    let mut moved: BTreeMap<String, Shape> = BTreeMap::new();
    for source in sources(&root().join("host")) {
        let text = fs::read_to_string(&source).expect("a source");
        for (kind, call) in calls(&text) {
            let mut literals = call.split('"').skip(1).step_by(2);
            let name = literals.next().expect("a metric's name is a literal");
            let labels = labels(call, "=>");
            let known = moved
                .entry(name.to_owned())
                .or_insert_with(|| (kind, labels.clone()));
            assert_eq!(*known, (kind, labels), "{name} in {}", source.display());
        }
    }
    assert_eq!(moved, listed());
}

#[test]
fn a_name_says_what_kind_of_number_it_is() {
    for metric in METRICS {
        let name = metric.name;
        assert_eq!(
            name.ends_with("_total"),
            metric.kind == Kind::Counter,
            "{name}"
        );
        if metric.kind == Kind::Histogram {
            assert!(name.ends_with("_seconds"), "{name}");
        }
    }
}

#[test]
fn the_guide_lists_every_metric_with_its_labels() {
    let guide = read(GUIDE);
    let rows: Vec<Vec<&str>> = table(&guide, "| metric | kind |");
    let told: BTreeMap<String, Shape> = rows
        .iter()
        .map(|row| {
            let kind = KINDS
                .iter()
                .find(|kind| **kind == row[1])
                .unwrap_or_else(|| panic!("{} is no kind of metric", row[1]));
            let written = row[0].trim_matches('`');
            let (name, labels) = written.split_once('{').unwrap_or((written, ""));
            let labels = labels.trim_end_matches('}').split(',');
            let labels = labels.filter(|label| !label.is_empty()).map(str::to_owned);
            (name.to_owned(), (*kind, labels.collect()))
        })
        .collect();
    assert_eq!(told, listed());
}

#[test]
fn the_guide_tells_of_every_alert_and_how_bad_it_is() {
    let guide = read(GUIDE);
    let told: BTreeMap<&str, &str> = table(&guide, "| alert | severity |")
        .iter()
        .map(|row| (row[0].trim_matches('`'), row[1]))
        .collect();
    let rules = read(RULES);
    let shipped: BTreeMap<&str, &str> = values(&rules, "- alert: ")
        .zip(values(&rules, "severity: "))
        .collect();
    assert_eq!(told, shipped);
}

#[test]
fn every_metric_and_label_of_the_alert_rules_is_one_that_the_program_exposes() {
    let rules = read(RULES);
    let expressions = expressions(&rules);
    assert_eq!(expressions.len(), values(&rules, "- alert: ").count());
    for expression in expressions {
        let selected = selected(&expression);
        assert!(!selected.is_empty(), "{expression} reads nothing");
        // Prometheus makes `up` itself, for every host that it reads.
        for (name, labels) in selected.iter().filter(|(name, _)| *name != "up") {
            check_selector(name, labels);
        }
    }
}

#[test]
fn a_rule_that_names_what_there_is_not_is_found() {
    let selectors = selected(r#"max(gladhand_nothing{state="dead"}) > sum by (le) (up[5m])"#);
    let named: Vec<&str> = selectors.iter().map(|(name, _)| *name).collect();
    assert_eq!(named, ["gladhand_nothing", "up"]);
    let refused = std::panic::catch_unwind(|| check_selector("gladhand_nothing", &BTreeSet::new()));
    assert!(refused.is_err());
    let labels = BTreeSet::from(["connection".to_owned()]);
    let refused = std::panic::catch_unwind(|| check_selector("gladhand_deliveries", &labels));
    assert!(refused.is_err(), "no metric says which connection");
}

const KINDS: [&str; 3] = ["counter", "gauge", "histogram"];

fn listed() -> BTreeMap<String, Shape> {
    let shape = |metric: &Metric| {
        let labels = metric.labels.iter().map(|label| (*label).to_owned());
        (KINDS[metric.kind as usize], labels.collect())
    };
    METRICS
        .iter()
        .map(|metric| (metric.name.to_owned(), shape(metric)))
        .collect()
}

/// What a rule selects must be a metric of the list, by labels that it has.
#[track_caller]
fn check_selector(name: &str, labels: &BTreeSet<String>) {
    let is_meant = |metric: &&Metric| {
        name == metric.name
            || metric.kind == Kind::Histogram
                && name
                    .strip_prefix(metric.name)
                    .is_some_and(|part| matches!(part, "_bucket" | "_sum" | "_count"))
    };
    let metric = METRICS.iter().find(is_meant);
    let metric = metric.unwrap_or_else(|| panic!("there is no metric {name}"));
    for label in labels {
        assert!(
            metric.labels.contains(&label.as_str()),
            "{name} has no label {label}"
        );
    }
}

/// Calls of the macros that move metrics, from the parenthesis to its end.
fn calls(source: &str) -> Vec<(&'static str, &str)> {
    let mut found = Vec::new();
    for kind in KINDS {
        let begin = format!("{kind}!(");
        for (at, _) in source.match_indices(&begin) {
            if !source[..at].ends_with(is_of_a_name) {
                found.push((kind, inside(&source[at + begin.len()..])));
            }
        }
    }
    found
}

/// Up to the parenthesis that closes one before `text`.
fn inside(text: &str) -> &str {
    let mut open = 1;
    let end = text.find(|letter| {
        match letter {
            '(' => open += 1,
            ')' => open -= 1,
            _ => {}
        }
        open == 0
    });
    &text[..end.expect("a call ends")]
}

/// The words before `sign`, as in `"state" => state` and `state="dead"`.
fn labels(text: &str, sign: &str) -> BTreeSet<String> {
    let mut parts: Vec<&str> = text.split(sign).collect();
    parts.pop();
    let last_word = |part: &str| {
        let end = part.trim_end_matches(|end: char| !is_of_a_name(end));
        let word = end.rsplit(|between: char| !is_of_a_name(between)).next();
        word.unwrap_or_default().to_owned()
    };
    parts.into_iter().map(last_word).collect()
}

fn is_of_a_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

/// What an expression reads, with the labels that it asks for: names that are `up` or have one of our prefixes.
fn selected(expression: &str) -> Vec<(&str, BTreeSet<String>)> {
    let mut found = Vec::new();
    let mut rest = expression;
    while let Some(start) = rest.find(is_of_a_name) {
        rest = &rest[start..];
        let end = rest
            .find(|letter| !is_of_a_name(letter))
            .unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        rest = after;
        if !(name == "up" || name.starts_with("gladhand_") || name.starts_with("crm_")) {
            continue;
        }
        let mut asked = BTreeSet::new();
        if let Some(matchers) = after.strip_prefix('{') {
            let end = matchers.find('}').expect("a selector ends");
            for matcher in matchers[..end].split("\",") {
                let end = matcher.find(['=', '!']).expect("a label is compared");
                asked.insert(matcher[..end].trim().to_owned());
            }
            rest = &matchers[end..];
        }
        found.push((name, asked));
    }
    found
}

/// The expressions of the rules, of one line or folded.
fn expressions(rules: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut is_folded = false;
    for line in rules.lines().map(str::trim) {
        if let Some(expression) = line.strip_prefix("expr: ") {
            is_folded = expression == ">-";
            found.push(if is_folded {
                String::new()
            } else {
                expression.to_owned()
            });
        } else if line.ends_with(':') || line.starts_with("for: ") {
            is_folded = false;
        } else if let (true, Some(expression)) = (is_folded, found.last_mut()) {
            *expression += line;
            expression.push(' ');
        }
    }
    found
}

fn values<'t>(text: &'t str, key: &'t str) -> impl Iterator<Item = &'t str> {
    text.lines()
        .filter_map(move |line| line.trim().strip_prefix(key))
}

/// The rows of the table whose head begins so, cell by cell.
#[track_caller]
fn table<'t>(page: &'t str, head: &str) -> Vec<Vec<&'t str>> {
    let mut lines = page.lines().skip_while(|line| !line.starts_with(head));
    assert!(lines.next().is_some(), "no table begins with {head}");
    let rows = lines.skip(1).take_while(|line| line.starts_with('|'));
    rows.map(|row| row.split('|').skip(1).map(str::trim).collect())
        .collect()
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
