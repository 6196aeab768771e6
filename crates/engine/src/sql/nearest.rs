//! The name that somebody may have meant.

use millrace_flow::nearest;

/// `did you mean …?` for the nearest candidate, else `otherwise`.
pub(crate) fn did_you_mean<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
    otherwise: impl FnOnce() -> Option<String>,
) -> Option<String> {
    nearest(name, candidates).map(|near| format!("did you mean `{near}`?")).or_else(otherwise)
}
