//! Apache's command line tools where clients log in and rules hold: users, rules, and who is let do what.

use std::path::PathBuf;

use super::apache::run_tool;
use super::servers::kafka;
use super::support::{Project, Running};

/// Everybody logs in, and one may do everything.
const SETTINGS: &str = r#"[kafka]
sasl = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]
allow_plain_text = true
acl = true
super_users = ["User:admin"]
"#;

/// A project with one user, `admin`, who may do everything.
struct Shop {
    bin: PathBuf,
    project: Project,
    address: String,
    _running: Running,
}

impl Shop {
    #[track_caller]
    fn open() -> Self {
        let project = Project::empty();
        project.write("millrace.toml", SETTINGS).write("password", "admin-secret\n");
        let file = project.path("password");
        let file = file.to_str().expect("a temporary folder has a plain name");
        project.run(&["user", "add", "admin", "--password-file", file, "--project", project.arg()]).succeeded();
        for (user, mechanism, module) in [
            ("admin", "SCRAM-SHA-512", "scram.ScramLoginModule"),
            ("orders", "SCRAM-SHA-256", "scram.ScramLoginModule"),
            ("orders", "PLAIN", "plain.PlainLoginModule"),
        ] {
            let login = format!("org.apache.kafka.common.security.{module} required");
            let settings = format!(
                "security.protocol=SASL_PLAINTEXT\nsasl.mechanism={mechanism}\n\
                 sasl.jaas.config={login} username=\"{user}\" password=\"{user}-secret\";\n"
            );
            project.write(&format!("{user}.{mechanism}.properties"), settings);
        }
        let (running, address) = Running::start_for_clients(&project);
        Self { bin: kafka::distribution().join("bin"), project, address, _running: running }
    }

    /// What a tool says, on both of its outputs, and whether it did what it was asked.
    fn run_as(&self, who: &str, line: &str, input: &str) -> (bool, String) {
        let login = self.project.path(format!("{who}.properties"));
        let login = login.to_str().expect("a temporary folder has a plain name");
        let output =
            run_tool(&self.bin, &["--bootstrap-server", &self.address, "--command-config", login], line, input);
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&said).into_owned())
    }

    /// What a tool of the administrator says.
    #[track_caller]
    fn admin(&self, line: &str) -> String {
        let (is_done, said) = self.run_as("admin.SCRAM-SHA-512", line, "");
        assert!(is_done, "{line}:\n{said}");
        said
    }

    fn orders(&self, line: &str, input: &str) -> (bool, String) {
        self.run_as("orders.SCRAM-SHA-256", line, input)
    }

    /// How many records the topic `orders` has.
    #[track_caller]
    fn count(&self) -> String {
        self.admin("kafka-get-offsets --topic orders").trim().to_owned()
    }
}

#[test]
fn users_and_rules_are_made_and_hold() {
    let shop = Shop::open();
    let (is_done, said) = shop.orders("kafka-topics --list", "");
    assert!(!is_done && said.contains("SaslAuthenticationException"), "nobody is called that yet: {said}");
    let credentials = "SCRAM-SHA-256=[iterations=8192,password=orders-secret],SCRAM-SHA-512=[password=orders-secret]";
    shop.admin(&format!("kafka-configs --alter --entity-type users --entity-name orders --add-config {credentials}"));
    let described = shop.admin("kafka-configs --describe --entity-type users --entity-name orders");
    assert!(described.contains("SCRAM-SHA-256=iterations=8192, SCRAM-SHA-512=iterations=4096"), "{described}");

    shop.admin("kafka-topics --create --topic orders --partitions 1");
    for who in ["orders.SCRAM-SHA-256", "orders.PLAIN"] {
        let (is_done, said) = shop.run_as(who, "kafka-topics --list", "");
        assert!(is_done && said.trim().is_empty(), "what it may not see it is not told: {said}");
    }
    shop.admin("kafka-acls --add --allow-principal User:orders --producer --topic orders");
    assert_eq!(shop.orders("kafka-topics --list", "").1.trim(), "orders");
    shop.orders("kafka-console-producer --topic orders", "1\n2\n3\n");
    assert_eq!(shop.count(), "orders:0:3");

    let read = "kafka-console-consumer --topic orders --group readers --from-beginning --max-messages 3";
    let (_, said) = shop.orders(read, "");
    assert!(said.contains("GroupAuthorizationException"), "{said}");
    let rule = "--allow-principal User:orders --consumer --topic ord --group read --resource-pattern-type prefixed";
    shop.admin(&format!("kafka-acls --add {rule}"));
    let (_, said) = shop.orders(read, "");
    assert!(said.contains("1\n2\n3\n"), "{said}");

    let change = "kafka-configs --alter --entity-type topics --entity-name orders --add-config retention.ms=100000";
    let (is_done, said) = shop.orders(change, "");
    assert!(!is_done && said.contains("TopicAuthorizationException"), "{said}");
    shop.admin(change);
    let described = shop.admin("kafka-configs --describe --entity-type topics --entity-name orders");
    assert!(described.contains("retention.ms=100000"), "{described}");
}

#[test]
fn who_is_denied_or_removed_is_refused() {
    let shop = Shop::open();
    let user = "--entity-type users --entity-name orders";
    shop.admin(&format!("kafka-configs --alter {user} --add-config SCRAM-SHA-256=[password=orders-secret]"));
    shop.admin("kafka-topics --create --topic orders --partitions 1");
    shop.admin("kafka-acls --add --allow-principal User:orders --producer --topic orders");
    let denial = "--deny-principal User:orders --operation Write --topic orders";
    shop.admin(&format!("kafka-acls --add {denial}"));
    let listed = shop.admin("kafka-acls --list --principal User:orders");
    let denied = "(principal=User:orders, host=*, operation=WRITE, permissionType=DENY)";
    assert!(listed.contains(denied) && listed.contains(&denied.replace("DENY", "ALLOW")), "{listed}");
    let (_, said) = shop.orders("kafka-console-producer --topic orders", "1\n");
    assert!(said.contains("AuthorizationException"), "{said}");
    assert_eq!(shop.count(), "orders:0:0");

    shop.admin(&format!("kafka-acls --remove --force {denial}"));
    assert!(!shop.admin("kafka-acls --list --topic orders").contains("DENY"));
    shop.orders("kafka-console-producer --topic orders", "1\n");
    assert_eq!(shop.count(), "orders:0:1");
    let (is_done, said) = shop.orders("kafka-acls --list", "");
    assert!(!is_done && said.contains("ClusterAuthorizationException"), "{said}");

    shop.admin(&format!("kafka-configs --alter {user} --delete-config SCRAM-SHA-256"));
    let (is_done, said) = shop.orders("kafka-topics --list", "");
    assert!(!is_done && said.contains("SaslAuthenticationException"), "{said}");
}
