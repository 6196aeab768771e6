//! A project whose statements change between two runs: what cannot go on says so, and nothing else stops for it.

use super::support::Project;

const SOURCE: &str = "
CREATE SOURCE sales (sale_no BIGINT, shop STRING, amount DECIMAL(10,2)) WITH (connector = 'csv', path = 'sales.csv');
";

fn project(views: &str) -> Project {
    let project = Project::empty();
    project.write("sales.csv", "sale_no,shop,amount\n1,north,2.50\n2,south,1.00\n3,north,4.00\n");
    project.write("shop.sql", SOURCE.to_owned() + views);
    project.run(&["up", project.arg(), "--until-done", "--listen", "127.0.0.1:0"]).succeeded();
    project
}

const VIEWS: &str = "
CREATE MATERIALIZED VIEW large AS SELECT sale_no, amount FROM sales WHERE amount > 2;
CREATE MATERIALIZED VIEW counts AS SELECT shop, count(*) AS n FROM sales GROUP BY shop;
CREATE MATERIALIZED VIEW most AS SELECT max(n) AS n FROM counts;
CREATE MATERIALIZED VIEW by_shop AS SELECT shop, sum(amount) AS amount FROM sales GROUP BY shop;
";

/// The stages that failed are named with what to do; the view beside them is there, and so is a new one.
fn refuses(project: &Project, words: &[&str]) {
    project.write("more.sql", "CREATE MATERIALIZED VIEW shops AS SELECT count(DISTINCT shop) AS shops FROM sales;");
    project.run(&["up", project.arg(), "--until-done", "--listen", "127.0.0.1:0"]).refused(1, words);
    project.run(&["doctor", project.arg()]).refused(1, &["FAIL  stages", "at the last run, query:"]);
    assert_eq!(project.ask("SELECT shop, amount FROM by_shop ORDER BY shop"), [["north", "6.50"], ["south", "1.00"]]);
    assert_eq!(project.ask("SELECT shops FROM shops"), [["2"]]);
}

#[test]
fn a_view_with_other_columns_fails_alone() {
    let project = project(VIEWS);
    project.edit("shop.sql", "SELECT shop, count(*) AS n", "SELECT shop, count(*) AS n, max(amount) AS highest");
    refuses(
        &project,
        &["query:counts", "columns", "give it another name", "query:most", "topic `counts`", "sink:counts"],
    );
}

#[test]
fn a_view_with_another_having_fails_alone() {
    let project = project(VIEWS);
    project.edit("shop.sql", "AS n FROM sales GROUP BY shop;", "AS n FROM sales GROUP BY shop HAVING count(*) > 1;");
    refuses(&project, &["query:counts", "no longer the query", "what is computed of them"]);
}

#[test]
fn a_view_with_another_filter_fails_alone() {
    let project = project(VIEWS);
    project.edit("shop.sql", "WHERE amount > 2", "WHERE amount > 3");
    refuses(&project, &["query:large", "no longer the query", "its filters", "give the changed view another name"]);
}
