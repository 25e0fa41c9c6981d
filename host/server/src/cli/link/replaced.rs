//! Which links of an import say something else than those that are there. Pure.

use std::collections::HashMap;

use gladhand_core::attempt::Entity;
use gladhand_store::link_book::LinkRecord;

use crate::admin::NewLink;
use crate::cli::printer::counted;

/// So many are told: who sees these knows what kind of change it is.
const TOLD: usize = 5;

/// `contact 102: person 10 → 999` of each, in the order of the file.
pub fn replaced(links: &[NewLink], there: Vec<LinkRecord>) -> Vec<String> {
    let there: HashMap<_, _> = there
        .into_iter()
        .map(|LinkRecord { entity, link, .. }| ((entity, link.object), link.remote_id))
        .collect();
    let change = |new: &NewLink| {
        let key = (new.entity.clone(), new.link.object.clone());
        let was = there.get(&key)?;
        let Entity { kind, id } = &new.entity;
        let is = &new.link.remote_id;
        (was != is).then(|| format!("{kind} {id}: {} {was} → {is}", new.link.object))
    };
    links.iter().filter_map(change).collect()
}

/// How many there are, and the first of them; `None` where there are none.
pub fn told(replaced: &[String], is_dry: bool) -> Option<String> {
    if replaced.is_empty() {
        return None;
    }
    let what = if is_dry {
        "would say something else than now"
    } else {
        "said something else before"
    };
    let count = counted(replaced.len(), "link");
    let mut lines = vec![format!("{what}: {count}")];
    lines.extend(replaced.iter().take(TOLD).map(|line| format!("  {line}")));
    if replaced.len() > TOLD {
        lines.push(format!("  and {} more", replaced.len() - TOLD));
    }
    Some(lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_of_many_are_told() {
        let many: Vec<String> = (1..=7).map(|number| number.to_string()).collect();
        let said = told(&many, true).expect("there are some");
        assert_eq!(
            said,
            "would say something else than now: 7 links\n  1\n  2\n  3\n  4\n  5\n  and 2 more"
        );
        assert_eq!(told(&[], true), None);
    }
}
