//! Time zones by their IANA names.

use chrono_tz::{TZ_VARIANTS, Tz};

use crate::nearest::nearest;

/// What is wrong with a time zone; `None` where it is one.
pub fn zone_problem(zone: &str) -> Option<String> {
    zone.parse::<Tz>().err()?;
    let advice = nearest(zone, TZ_VARIANTS.iter().map(|known| known.name())).map_or_else(
        || "write it like Europe/Berlin".to_owned(),
        |nearest| format!("did you mean `{nearest}`?"),
    );
    Some(format!("there is no time zone `{zone}`; {advice}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(zone: &str, expect: Option<&str>) {
        assert_eq!(zone_problem(zone).as_deref(), expect);
    }

    #[test]
    fn a_time_zone_has_a_name_that_everybody_knows() {
        check("Europe/Berlin", None);
        check("UTC", None);
        check(
            "Europe/Berln",
            Some("there is no time zone `Europe/Berln`; did you mean `Europe/Berlin`?"),
        );
        check(
            "somewhere over there",
            Some("there is no time zone `somewhere over there`; write it like Europe/Berlin"),
        );
    }
}
