//! Who may do what: a table of rules, questions and answers.

use crate::security::acl::{Acl, AclFilter, CLUSTER, FilterParts, Kind, Operation, Parts, Pattern, Permission};
use crate::security::rules::Rules;
use Operation::{All, Alter, AlterConfigs, Create, Delete, Describe, DescribeConfigs, Read, Write};

/// `allow alice@* read topic orders`, with `orders*` for a prefix and `*` for everything.
fn acl(text: &str) -> Acl {
    let words: Vec<&str> = text.split(' ').collect();
    let [permission, who, operation, kind, name] = words[..] else { panic!("{text}") };
    let (user, host) = who.split_once('@').expect("who and where");
    let one_of = |all: &[Operation]| {
        *all.iter().find(|known| format!("{known:?}").eq_ignore_ascii_case(operation)).expect("an operation")
    };
    let (name, pattern) = match name.strip_suffix('*') {
        Some(prefix) if !prefix.is_empty() => (prefix, Pattern::Prefixed),
        _ => (name, Pattern::Literal),
    };
    Acl {
        kind: *Kind::ALL.iter().find(|known| format!("{known:?}").eq_ignore_ascii_case(kind)).expect("a kind"),
        name: name.to_owned(),
        pattern,
        principal: format!("User:{user}"),
        host: host.to_owned(),
        operation: one_of(Operation::ALL),
        permission: if permission == "deny" { Permission::Deny } else { Permission::Allow },
    }
}

fn rules(texts: &[&str]) -> Rules {
    let acls: Vec<Acl> = texts.iter().map(|text| acl(text)).collect();
    Rules::new(&acls, &["User:root".to_owned()], false)
}

#[track_caller]
fn check(rules: &Rules, user: &str, operation: Operation, name: &str, expected: bool) {
    let allowed = rules.authorize(&format!("User:{user}"), "10.0.0.1", operation, Kind::Topic, name);
    assert_eq!(allowed, expected, "{user} {operation:?} {name}");
}

#[test]
fn nobody_may_do_what_no_rule_allows_but_a_super_user() {
    let rules = rules(&["deny root@* all topic orders"]);
    for operation in Operation::of_kind(Kind::Topic) {
        check(&rules, "alice", *operation, "orders", false);
        check(&rules, "root", *operation, "orders", true);
    }
}

#[test]
fn names_are_literal_or_prefixed_or_all() {
    let rules =
        rules(&["allow alice@* read topic orders", "allow bob@* read topic shop.*", "allow carol@* read topic *"]);
    for (user, name, expected) in [
        ("alice", "orders", true),
        ("alice", "orders2", false),
        ("alice", "order", false),
        ("bob", "shop.north", true),
        ("bob", "shop.", true),
        ("bob", "shop", false),
        ("bob", "orders", false),
        ("carol", "anything", true),
        ("dave", "orders", false),
    ] {
        check(&rules, user, Read, name, expected);
    }
    assert!(!rules.authorize("User:carol", "h", Read, Kind::Group, "anything"), "a rule is about one kind");
}

#[test]
fn hosts_and_everybody_are_told_apart() {
    let rules =
        rules(&["allow alice@10.0.0.1 read topic t", "allow bob@10.0.0.2 read topic t", "allow *@* write topic t"]);
    check(&rules, "alice", Read, "t", true);
    check(&rules, "bob", Read, "t", false);
    check(&rules, "ANONYMOUS", Write, "t", true);
}

#[test]
fn deny_comes_before_allow_whatever_is_more_exact() {
    let rules = rules(&[
        "allow alice@* all topic *",
        "deny alice@* write topic secret*",
        "deny *@10.0.0.1 read topic secret.diary",
        "allow alice@* read topic secret.diary",
    ]);
    check(&rules, "alice", Write, "open", true);
    check(&rules, "alice", Write, "secret.diary", false);
    check(&rules, "alice", Read, "secret.diary", false);
    check(&rules, "alice", Read, "secret.other", true);
    // What is denied is what stands there: looking at it is something else.
    check(&rules, "alice", Describe, "secret.diary", true);
}

#[test]
fn what_is_allowed_includes_what_it_takes() {
    for (allowed, asked, expected) in [
        ("read", Describe, true),
        ("write", Describe, true),
        ("delete", Describe, true),
        ("alter", Describe, true),
        ("create", Describe, false),
        ("alterconfigs", Describe, false),
        ("describeconfigs", Describe, false),
        ("alterconfigs", DescribeConfigs, true),
        ("alter", DescribeConfigs, false),
        ("describe", Read, false),
        ("read", Write, false),
        ("all", Create, true),
        ("all", AlterConfigs, true),
        ("all", Delete, true),
        ("alter", Alter, true),
    ] {
        check(&rules(&[&format!("allow alice@* {allowed} topic t")]), "alice", asked, "t", expected);
    }
    let everything = rules(&["deny alice@* all topic t", "allow alice@* read topic t"]);
    check(&everything, "alice", Describe, "t", false);
}

#[test]
fn what_no_rule_is_about_may_be_everybodys() {
    let acls = [acl("allow alice@* read topic orders"), acl("deny bob@* read topic shop*")];
    let rules = Rules::new(&acls, &[], true);
    check(&rules, "bob", Read, "other", true);
    check(&rules, "bob", Read, "orders", false);
    check(&rules, "bob", Read, "shop", false);
    check(&rules, "alice", Write, "shop", false);
}

#[test]
fn some_topic_may_be_written_if_a_rule_allows_one_that_none_denies() {
    let any = |texts: &[&str]| rules(texts).authorize_any("User:alice", "10.0.0.1", Write, Kind::Topic);
    assert!(!any(&[]));
    assert!(any(&["allow alice@* write topic orders"]));
    assert!(any(&["allow alice@* all topic shop*"]));
    assert!(!any(&["allow alice@* read topic orders"]));
    assert!(!any(&["allow alice@10.9.9.9 write topic orders"]));
    assert!(!any(&["allow alice@* write topic orders", "deny alice@* write topic orders"]));
    assert!(!any(&["allow alice@* write topic orders", "deny *@* write topic ord*"]));
    assert!(!any(&["allow alice@* write topic shop.*", "deny alice@* all topic *"]));
    assert!(any(&["allow alice@* write topic *", "deny alice@* write topic orders"]));
}

#[test]
fn filters_find_what_a_name_falls_under() {
    let acls = [
        acl("allow alice@* read topic orders"),
        acl("allow alice@* read topic ord*"),
        acl("allow alice@* read topic *"),
        acl("allow bob@10.0.0.1 write topic other"),
        acl("deny alice@* read group orders"),
    ];
    let any = FilterParts { kind: 1, name: None, pattern: 1, principal: None, host: None, operation: 1, permission: 1 };
    let found = |parts: FilterParts<'_>| {
        let filter = AclFilter::of(parts).expect("it is one");
        acls.iter().enumerate().filter(|(_, acl)| filter.lets(acl)).map(|(at, _)| at).collect::<Vec<_>>()
    };
    assert_eq!(found(any), [0, 1, 2, 3, 4]);
    assert_eq!(found(FilterParts { name: Some("orders"), pattern: 2, kind: 2, ..any }), [0, 1, 2]);
    assert_eq!(found(FilterParts { name: Some("orders"), ..any }), [0, 4]);
    assert_eq!(found(FilterParts { name: Some("ord"), pattern: 4, ..any }), [1]);
    assert_eq!(found(FilterParts { pattern: 4, ..any }), [1]);
    assert_eq!(found(FilterParts { principal: Some("User:bob"), host: Some("10.0.0.1"), ..any }), [3]);
    assert_eq!(found(FilterParts { host: Some("10.0.0.2"), ..any }), Vec::<usize>::new());
    assert_eq!(found(FilterParts { permission: 2, ..any }), [4]);
    assert_eq!(found(FilterParts { operation: 4, ..any }), [3]);
    for wrong in [
        FilterParts { kind: 0, ..any },
        FilterParts { kind: 6, ..any },
        FilterParts { pattern: 0, ..any },
        FilterParts { operation: 13, ..any },
        FilterParts { permission: 9, ..any },
    ] {
        assert!(AclFilter::of(wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn what_makes_no_rule_is_refused() {
    let right = Parts { kind: 2, name: "t", pattern: 3, principal: "User:a", host: "*", operation: 3, permission: 3 };
    assert!(Acl::of(right).is_ok());
    assert!(Acl::of(Parts { kind: 4, name: CLUSTER, ..right }).is_ok());
    for wrong in [
        Parts { kind: 1, ..right },
        Parts { kind: 6, ..right },
        Parts { kind: 4, ..right },
        Parts { kind: 4, name: CLUSTER, pattern: 4, ..right },
        Parts { name: "", ..right },
        Parts { pattern: 1, ..right },
        Parts { pattern: 2, ..right },
        Parts { principal: "alice", ..right },
        Parts { principal: "User:", ..right },
        Parts { host: "", ..right },
        Parts { operation: 1, ..right },
        Parts { operation: 13, ..right },
        Parts { permission: 1, ..right },
    ] {
        assert!(Acl::of(wrong).is_err(), "{wrong:?}");
    }
    assert_eq!(All.number(), 2);
}
