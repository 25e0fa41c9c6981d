//! What goes wrong, as data: which request is hit, and how. A test or the command line writes a list of rules;
//! the simulator asks for every request whether one of them fires. It knows no provider.

use serde::{Deserialize, Serialize};

/// What happens to a request instead of being answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Fault {
    /// The provider's 500, before or after the work is done.
    Error {
        /// Whether the work is done.
        done: bool,
    },
    /// The connection is reset without a byte of answer, before or after the work is done.
    Reset {
        /// Whether the work is done.
        done: bool,
    },
    /// The answer comes late. `Work::Never` ends in a reset.
    Hang {
        /// For how long the client gets nothing, in milliseconds of real time.
        hold_ms: u64,
        /// When the work is done.
        work: Work,
    },
    /// The client gets nothing and then a reset; the work is done later, by the simulator's own clock.
    Late {
        /// For how long the client gets nothing, in milliseconds of real time.
        hold_ms: u64,
        /// After how much of the simulator's time the work is done, in milliseconds.
        after_ms: u64,
    },
    /// Every token of the caller dies, then the request is handled.
    RevokeTokens,
    /// A redirect to the start page, nothing done.
    Redirect,
    /// An HTML page of a proxy or of the provider, nothing done.
    Html {
        /// Its status, such as 200 or 502.
        status: u16,
    },
    /// The provider's own answer to too many requests, nothing done.
    TooManyRequests {
        /// What `Retry-After` says where the provider sends one, in seconds.
        retry_after_secs: u64,
    },
}

/// When the work of a hanging request is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Work {
    /// Before the wait, so that it is done although the client gave up.
    Before,
    /// After the wait, whether or not the client is still there.
    After,
    /// Never.
    Never,
}

/// Which requests are hit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Matcher {
    /// The method; any where absent.
    pub method: Option<String>,
    /// The path without its query, `*` standing for one segment; any where absent.
    pub path: Option<String>,
    /// The first request that is hit, counted from 1 over those that match.
    pub nth: u64,
    /// How many in a row are hit.
    pub times: u64,
}

/// One thing that goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Which requests.
    pub when: Matcher,
    /// How.
    pub fault: Fault,
}

/// The rules in force and how often each has matched.
#[derive(Debug, Default)]
pub struct Plan {
    rules: Vec<(Rule, u64)>,
}

impl Matcher {
    /// The next request, whatever it is.
    pub fn any() -> Self {
        Self {
            method: None,
            path: None,
            nth: 1,
            times: 1,
        }
    }

    /// The next request with this method and path.
    pub fn of(method: &str, path: &str) -> Self {
        Self {
            method: Some(method.to_owned()),
            path: Some(path.to_owned()),
            ..Self::any()
        }
    }

    /// The n-th that matches, counted from 1.
    #[must_use]
    pub fn nth(self, nth: u64) -> Self {
        Self { nth, ..self }
    }

    /// So many in a row.
    #[must_use]
    pub fn times(self, times: u64) -> Self {
        Self { times, ..self }
    }

    /// Until the rules are cleared.
    #[must_use]
    pub fn always(self) -> Self {
        self.times(u64::MAX)
    }

    fn is_about(&self, method: &str, path: &str) -> bool {
        let same_path = |pattern: &String| {
            let mut segments = path.split('/');
            pattern.split('/').all(|wanted| {
                segments
                    .next()
                    .is_some_and(|is| wanted == "*" || wanted == is)
            }) && segments.next().is_none()
        };
        self.method.as_ref().is_none_or(|wanted| wanted == method)
            && self.path.as_ref().is_none_or(same_path)
    }
}

impl Rule {
    /// `fault` for the requests that `when` names.
    pub fn new(when: Matcher, fault: Fault) -> Self {
        Self { when, fault }
    }
}

impl Plan {
    /// Adds a rule; it counts from here.
    pub fn add(&mut self, rule: Rule) {
        self.rules.push((rule, 0));
    }

    /// Forgets every rule.
    pub fn clear(&mut self) {
        self.rules.clear();
    }

    /// What happens to this request: of the rules that fire, the one added first.
    ///
    /// Every rule that is about the request counts it, whether or not it is the one that fires.
    pub fn strike(&mut self, method: &str, path: &str) -> Option<Fault> {
        let mut struck = None;
        for (rule, seen) in &mut self.rules {
            if rule.when.is_about(method, path) {
                *seen += 1;
                let is_due = *seen >= rule.when.nth && *seen - rule.when.nth < rule.when.times;
                if is_due && struck.is_none() {
                    struck = Some(rule.fault.clone());
                }
            }
        }
        struck
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redirect(when: Matcher) -> Plan {
        let mut plan = Plan::default();
        plan.add(Rule::new(when, Fault::Redirect));
        plan
    }

    #[track_caller]
    fn check(plan: &mut Plan, method: &str, path: &str, is_hit: bool) {
        assert_eq!(
            plan.strike(method, path).is_some(),
            is_hit,
            "{method} {path}"
        );
    }

    #[test]
    fn the_nth_matching_request_is_hit_and_others_do_not_count() {
        let mut plan = redirect(Matcher::of("POST", "/leads").nth(2));
        check(&mut plan, "POST", "/leads", false);
        check(&mut plan, "GET", "/leads", false);
        check(&mut plan, "POST", "/persons", false);
        check(&mut plan, "POST", "/leads", true);
        check(&mut plan, "POST", "/leads", false);
    }

    #[test]
    fn a_star_stands_for_exactly_one_segment() {
        let mut plan = redirect(Matcher::of("PUT", "/leads/*").always());
        check(&mut plan, "PUT", "/leads/7", true);
        check(&mut plan, "PUT", "/leads", false);
        check(&mut plan, "PUT", "/leads/7/tags", false);
    }

    #[test]
    fn a_rule_reads_the_same_from_json() {
        let rule = Rule::new(
            Matcher::any().times(3),
            Fault::Hang {
                hold_ms: 5,
                work: Work::After,
            },
        );
        let text = serde_json::to_string(&rule).unwrap();
        assert_eq!(serde_json::from_str::<Rule>(&text).unwrap(), rule);
    }
}
