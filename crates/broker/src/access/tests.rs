//! The table of rights, in the code and in the documentation.

use super::row;
use crate::security::acl::{Kind, Operation};
use crate::wire::api::ApiKey;

/// `DescribeConfigs` as `describe configs`.
fn words(name: &str) -> String {
    let mut words = String::new();
    for (at, letter) in name.char_indices() {
        if letter.is_uppercase() && at > 0 {
            words.push(' ');
        }
        words.extend(letter.to_lowercase());
    }
    words
}

fn line(key: ApiKey) -> String {
    let right = |(operation, kind): &(Operation, Kind)| words(&format!("{operation:?} {kind:?}")).replace("  ", " ");
    let rights: Vec<String> = row(key).iter().map(right).collect();
    format!("| {} | {} |", key.api().name, if rights.is_empty() { "nothing".to_owned() } else { rights.join(", ") })
}

/// The lines are printed when one is missing: they are copied from there.
#[test]
fn the_documentation_says_what_each_request_needs() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/kafka.md");
    let page = std::fs::read_to_string(path).expect("the page is there");
    let mut known = ApiKey::ALL.to_vec();
    known.sort_by_key(|key| key.api().name);
    let lines: Vec<String> = known.into_iter().map(line).collect();
    let missing: Vec<&String> = lines.iter().filter(|line| !page.contains(line.as_str())).collect();
    assert!(missing.is_empty(), "docs/kafka.md lacks {missing:#?} of\n{}", lines.join("\n"));
}

/// Rights are granted by rules about things of that kind, so each has to be one that such a thing can have.
#[test]
fn every_right_is_one_that_a_rule_can_grant() {
    for key in ApiKey::ALL {
        for (operation, kind) in row(*key) {
            assert!(Operation::of_kind(*kind).contains(operation), "{key:?}: {operation:?} {kind:?}");
        }
    }
}
