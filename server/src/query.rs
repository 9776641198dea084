//! What stands behind the question mark: known parameters, each at most once.

use std::borrow::Cow;

use crate::problem::{Outcome, Problem};

/// Items on a page when no limit is given.
pub(crate) const LIMIT_DEFAULT: usize = 50;

/// Most items on a page: bounds what one request makes the server read and hold.
pub(crate) const LIMIT_MAX: usize = 500;

/// Parameters of one request.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Query {
    pairs: Vec<(&'static str, String)>,
}

// === impl Query ===

impl Query {
    /// Reads a query; everything that is not in `known` is refused.
    pub(crate) fn parse(text: Option<&str>, known: &[&'static str]) -> Outcome<Self> {
        let mut query = Self::default();
        let Some(text) = text.filter(|text| !text.is_empty()) else {
            return Ok(query);
        };
        for (name, value) in form_urlencoded::parse(text.as_bytes()) {
            let Some(name) = known.iter().find(|known| **known == name) else {
                let shown: String = name.chars().take(64).collect();
                return Err(Problem::of_parameter(&shown, "unknown parameter"));
            };
            if query.get(name).is_some() {
                return Err(Problem::of_parameter(name, "is given twice"));
            }
            query.pairs.push((name, Cow::into_owned(value)));
        }
        Ok(query)
    }

    /// The value of a parameter.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let found = self.pairs.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Whether nothing is to be carried out.
    pub(crate) fn dry_run(&self) -> Outcome<bool> {
        match self.get("dry_run") {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(Problem::of_parameter("dry_run", "must be true or false")),
        }
    }

    /// How many items a page may have.
    pub(crate) fn limit(&self) -> Outcome<usize> {
        let Some(text) = self.get("limit") else {
            return Ok(LIMIT_DEFAULT);
        };
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let limit = text
            .parse()
            .ok()
            .filter(|limit| digits && (1..=LIMIT_MAX).contains(limit));
        limit.ok_or_else(|| Problem::of_parameter("limit", "must be an integer from 1 to 500"))
    }

    /// The same query with one parameter set to another value.
    pub(crate) fn with(&self, name: &str, value: &str) -> String {
        let mut text = form_urlencoded::Serializer::new(String::new());
        for (known, kept) in self.pairs.iter().filter(|(known, _)| *known != name) {
            text.append_pair(known, kept);
        }
        text.append_pair(name, value);
        text.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::{LIMIT_DEFAULT, Query};
    use crate::problem::Code;

    const KNOWN: &[&str] = &["limit", "from", "verbose"];

    fn code(text: &str) -> Code {
        Query::parse(Some(text), KNOWN).unwrap_err().code
    }

    #[test]
    fn takes_known_parameters_once() {
        let query = Query::parse(Some("from=a%2Bb&verbose"), KNOWN).unwrap();
        assert_eq!(query.get("from"), Some("a+b"));
        assert_eq!(query.get("verbose"), Some(""));
        assert_eq!(query.get("limit"), None);
        assert_eq!(query.limit().unwrap(), LIMIT_DEFAULT);
        assert_eq!(Query::parse(None, &[]).unwrap(), Query::default());
        assert_eq!(Query::parse(Some(""), &[]).unwrap(), Query::default());
        assert_eq!(code("limit=1&limit=1"), Code::InvalidParameter);
        assert_eq!(code("colour=1"), Code::InvalidParameter);
        assert_eq!(code("limit[]=1"), Code::InvalidParameter);
    }

    #[test]
    fn tells_a_dry_run() {
        let told = |text: &str| {
            Query::parse(Some(text), &["dry_run"])
                .unwrap()
                .dry_run()
                .ok()
        };
        assert_eq!(told(""), Some(false));
        assert_eq!(told("dry_run=true"), Some(true));
        assert_eq!(told("dry_run=false"), Some(false));
        for text in ["dry_run", "dry_run=1", "dry_run=True"] {
            assert_eq!(told(text), None, "{text}");
        }
    }

    #[test]
    fn bounds_the_limit() {
        let limit = |text: &str| Query::parse(Some(text), KNOWN).unwrap().limit().ok();
        assert_eq!(limit("limit=1"), Some(1));
        assert_eq!(limit("limit=500"), Some(500));
        for text in ["0", "501", "-1", "%2B5", "", "5.0", "99999999999999999999"] {
            assert_eq!(limit(&format!("limit={text}")), None, "{text}");
        }
    }

    #[test]
    fn repeats_itself_with_another_cursor() {
        let query = Query::parse(Some("from=a%2Bb&limit=3"), KNOWN).unwrap();
        assert_eq!(query.with("limit", "4"), "from=a%2Bb&limit=4");
        assert_eq!(query.with("cursor", "x"), "from=a%2Bb&limit=3&cursor=x");
    }
}
