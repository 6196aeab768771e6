//! Clients that nobody here wrote take the program for a Kafka broker, and what it has acknowledged outlives it.

use serde_json::{Value, json};

use super::support::python::run_python;
use super::support::{Project, Running};

#[test]
fn clients_nobody_here_wrote_take_it_for_kafka() {
    let project = Project::empty();
    let (_running, address) = Running::start_for_clients(&project);
    let seen = run_python("kafka_clients.py", &[&address]);
    let group = &seen["confluent_kafka"]["groups"];
    assert_eq!(group.as_array().map(Vec::len), Some(1), "{seen}");
    let expected = json!({
        "configs": ["100000", "2000000"], "nodes": 1, "not_delivered": [], "values": 5000, "shares": [2, 2],
        "headers": true, "committed": 5000, "behind_the_end": [-1], "groups": group,
        "begins_at": 100, "partitions": 6, "gone": true,
    });
    assert_eq!(seen["confluent_kafka"], expected);
    assert_eq!(seen["kafka_python"], json!({"values": 1000}));
    assert_eq!(seen["aiokafka"], json!({"values": 1000}));
}

/// Killed between acknowledged batches: each is there once, in order, and a group goes on where it stood.
#[test]
fn what_was_acknowledged_is_there_once_after_every_kill() {
    let project = Project::empty();
    for round in 0..5 {
        let (running, address) = Running::start_for_clients(&project);
        let seen: Value = run_python("kafka_rounds.py", &[&address, &round.to_string()]);
        assert_eq!(seen, json!({"before": round * 200, "new_to_the_group": 200, "all": (round + 1) * 200}));
        running.kill();
    }
}

#[test]
fn clients_nobody_here_wrote_transact() {
    let project = Project::empty();
    let (_running, address) = Running::start_for_clients(&project);
    let seen = run_python("kafka_transactions.py", &[&address]);
    let once = json!({"copied": 300, "offset": 300, "aborted_seen": 0, "fenced": true});
    assert_eq!(seen, json!({"confluent_kafka": once, "kafka_python": once, "aiokafka": once}));
}

/// Killed with a transaction under way: each record is copied once, whatever was begun and not ended.
#[test]
fn records_are_copied_once_over_kills() {
    let project = Project::empty();
    for round in 0..5 {
        let (running, address) = Running::start_for_clients(&project);
        let seen = run_python("kafka_copies.py", &[&address, &round.to_string()]);
        assert_eq!(seen, json!({"copied": (round + 1) * 100}));
        running.kill();
    }
}

/// Clients read what views write, and cannot write it.
#[test]
fn a_view_is_a_topic_that_clients_read() {
    let project = Project::empty();
    project.write("sales.csv", "sale_no,shop,amount\n1,north,2.50\n2,south,1.00\n3,north,4.00\n");
    project.write(
        "shop.sql",
        "CREATE SOURCE sales (sale_no BIGINT, shop STRING, amount DECIMAL(10,2)) WITH (connector = 'csv', path = 'sales.csv');
         CREATE MATERIALIZED VIEW by_shop AS SELECT shop, sum(amount) AS amount FROM sales GROUP BY shop;",
    );
    let (running, address) = Running::start_for_clients(&project);
    running.wait_until("everything is read", |pipeline| {
        let nodes = pipeline["nodes"].as_array().map(Vec::as_slice).unwrap_or_default();
        nodes.iter().any(|node| node["id"] == "topic:by_shop" && node["total"] == 2)
    });
    let seen = run_python("kafka_view.py", &[&address]);
    assert_eq!(seen["keys"], json!([r#"{"shop":"north"}"#, r#"{"shop":"south"}"#]));
    assert_eq!(seen["framed"], json!(true), "a zero byte and the schema's id in front of every value");
    assert_eq!(seen["refused"], json!("TOPIC_AUTHORIZATION_FAILED"));
}

/// Groups whose broker assigns: members come, go and come back, and the group changes its protocol when it is empty.
#[test]
fn a_group_whose_broker_assigns_shares_its_partitions() {
    let project = Project::empty();
    let (_running, address) = Running::start_for_clients(&project);
    let seen = run_python("kafka_groups.py", &[&address]);
    let described = json!([true, true, [2, 2, 2], ["", "", "till-3"]]);
    let expected = json!({
        "described": described, "listed": true, "config": "50000", "read_once": true,
        "each_goes_on": [true, true, true],
    });
    assert_eq!(seen, expected);
}

/// What clients write is shown as what it is, everywhere; only what has no value is gone.
#[test]
fn values_of_clients_are_shown_as_they_are() {
    let project = Project::empty();
    project.write("sales.csv", "shop,amount\nnorth,2.50\n");
    project.write(
        "shop.sql",
        "CREATE SOURCE sales (shop STRING, amount DECIMAL(10,2)) WITH (connector = 'csv', path = 'sales.csv');
         CREATE MATERIALIZED VIEW by_shop AS SELECT shop, sum(amount) AS amount FROM sales GROUP BY shop;",
    );
    let (running, address) = Running::start_for_clients(&project);
    running.wait_until_done();
    assert_eq!(run_python("kafka_values.py", &[&address]), json!({"failed": []}));

    let page = running.json("/api/v1/topics/mine/messages?order=oldest");
    let values: Vec<&Value> = page["messages"].as_array().expect("messages").iter().map(|one| &one["value"]).collect();
    let bytes = json!({"bytes": 5, "base64": "AP8BAgM="});
    let row = json!({"shop": "north", "amount": "2.50"});
    assert_eq!(values, [&json!({"order": 0, "city": "Köln"}), &json!("grün"), &bytes, &row, &Value::Null], "{page:#}");
    for (text, offset) in [("k%C3%B6LN", 0), ("order", 0), ("gr%C3%BCn", 1), ("north", 3), ("key%204", 4)] {
        let found = running.json(&format!("/api/v1/topics/mine/messages?search={text}"));
        let offsets: Vec<&Value> =
            found["messages"].as_array().expect("messages").iter().map(|one| &one["offset"]).collect();
        assert_eq!(offsets, [&json!(offset)], "{text}");
    }
    let told = project.run(&["topic", "consume", "mine", "--project", project.arg()]);
    assert_eq!(
        told.stdout,
        "0:0  key 0  {\"order\":0,\"city\":\"Köln\"}\n0:1  key 1  grün\n0:2  key 2  {\"bytes\":5,\"base64\":\"AP8BAgM=\"}\n\
         0:3  key 3  {\"shop\":\"north\",\"amount\":\"2.50\"}\n0:4  key 4  (gone)\n"
    );
    let rows = project.ask(
        "SELECT CAST(key AS STRING) AS k, CAST(value AS STRING) AS v, partition, offset, timestamp FROM topic.mine \
         WHERE offset <> 2 AND offset <> 3 ORDER BY offset",
    );
    assert_eq!(
        rows,
        [
            ["key 0", "{\"order\": 0, \"city\": \"Köln\"}", "0", "0", "2023-11-14T22:13:20"],
            ["key 1", "grün", "0", "1", "2023-11-14T22:13:20.001000"],
            ["key 4", "", "0", "4", "2023-11-14T22:13:20.004000"],
        ]
    );
}
