//! Reads query strings strictly: an unknown or unreadable parameter is refused by name instead of being passed over.

use std::str::FromStr;

use axum::extract::Query;
use axum::http::Uri;

use crate::ServeError;

/// The decoded parameters of a request, in the order written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Reads the query string of `uri`, which may hold only the parameters of `known`.
    pub(crate) fn of(uri: &Uri, known: &[&str]) -> Result<Self, ServeError> {
        let unreadable =
            |error| ServeError::parameter(format!("the query string cannot be read: {error}"), "encode it as a form");
        let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(uri).map_err(unreadable)?;
        match pairs.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            Some((name, _)) => {
                let cure = format!("possible are {}", list(known));
                Err(ServeError::parameter(format!("unknown parameter `{name}`"), cure))
            }
            None => Ok(Self(pairs)),
        }
    }

    /// All values of a parameter that may be repeated.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> + 'a {
        self.0.iter().filter(move |(of, _)| of == name).map(|(_, value)| value.as_str())
    }

    /// The value of a parameter that may be given once; an empty one counts as not given.
    pub(crate) fn one(&self, name: &str) -> Result<Option<&str>, ServeError> {
        let mut values = self.0.iter().filter(|(of, _)| of == name).map(|(_, value)| value.as_str());
        let first = values.next();
        if values.next().is_some() {
            return Err(ServeError::parameter(format!("`{name}` is given more than once"), "give it once"));
        }
        Ok(first.filter(|value| !value.is_empty()))
    }

    /// The value of a parameter that may be given once, be it empty.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&str>, ServeError> {
        self.one(name)?;
        Ok(self.0.iter().find(|(of, _)| of == name).map(|(_, value)| value.as_str()))
    }

    /// A value that is a number, a time or the like; `wanted` says what in words.
    pub(crate) fn parsed<T: FromStr>(&self, name: &str, wanted: &str) -> Result<Option<T>, ServeError> {
        let Some(text) = self.one(name)? else { return Ok(None) };
        let wrong = |_| ServeError::parameter(format!("`{name}={text}` cannot be read"), format!("write {wanted}"));
        text.parse().map(Some).map_err(wrong)
    }

    /// A whole number, at most `max`.
    pub(crate) fn count(&self, name: &str, max: usize) -> Result<Option<usize>, ServeError> {
        self.within(name, 0, max)
    }

    /// A whole number from `min` to `max`.
    pub(crate) fn within(&self, name: &str, min: usize, max: usize) -> Result<Option<usize>, ServeError> {
        let wanted = format!("a whole number from {min} to {max}");
        match self.parsed::<usize>(name, &wanted)? {
            Some(number) if number < min || number > max => {
                let how = if number < min { "too little" } else { "too much" };
                Err(ServeError::parameter(format!("`{name}={number}` is {how}"), format!("write {wanted}")))
            }
            number => Ok(number),
        }
    }

    /// The names in a comma-separated list; `None` when it is not given.
    pub(crate) fn names(&self, name: &str) -> Result<Option<Vec<String>>, ServeError> {
        let names =
            |text: &str| text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
        Ok(self.one(name)?.map(names))
    }

    /// One of a few words; the first is the default.
    pub(crate) fn choice<T: Copy>(&self, name: &str, words: &[(&str, T)]) -> Result<T, ServeError> {
        let Some(given) = self.one(name)? else { return Ok(words[0].1) };
        match words.iter().find(|(word, _)| *word == given) {
            Some((_, choice)) => Ok(*choice),
            None => {
                let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
                Err(ServeError::parameter(
                    format!("`{name}={given}` is not possible"),
                    format!("possible are {}", list(&words)),
                ))
            }
        }
    }
}

fn list(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(query: &str) -> Result<Parameters, ServeError> {
        Parameters::of(&format!("/x?{query}").parse().expect("an address"), &["where", "limit", "format", "columns"])
    }

    #[test]
    fn values_are_decoded_and_repeated() {
        let read =
            parameters("where=country:eq:United+Kingdom&where=a:like:%25b%26c&limit=7").expect("known parameters");
        let filters: Vec<&str> = read.all("where").collect();
        assert_eq!(filters, ["country:eq:United Kingdom", "a:like:%b&c"]);
        assert_eq!(read.count("limit", 10).expect("in bounds"), Some(7));
        assert_eq!(read.names("columns").expect("not given"), None);
    }

    #[test]
    fn what_cannot_be_used_is_refused_by_name() {
        let message = |query: &str| match parameters(query).and_then(|read| {
            read.count("limit", 10)?;
            read.choice("format", &[("json", 0), ("csv", 1)])
        }) {
            Err(error) => error.to_string(),
            Ok(_) => String::new(),
        };
        assert_eq!(message("limt=7"), "unknown parameter `limt`");
        assert_eq!(message("limit=11"), "`limit=11` is too much");
        assert_eq!(message("limit=-1"), "`limit=-1` cannot be read");
        assert_eq!(message("limit=1&limit=2"), "`limit` is given more than once");
        assert_eq!(message("format=xml"), "`format=xml` is not possible");
        assert_eq!(message("format=csv&limit="), "");
    }
}
