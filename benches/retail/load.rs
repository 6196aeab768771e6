//! Millrace on the file: every row in the log and in a Delta table, revenue by 5 minutes and country in SQLite.

use std::fs;
use std::path::Path;

use super::meter::{self, Meter, millrace};

const SQL: &str = "
CREATE SOURCE order_lines (
  invoice_no STRING, stock_code STRING, description STRING, quantity INT, invoice_date TIMESTAMP,
  unit_price DECIMAL(12,3), customer_id STRING, country STRING,
  WATERMARK FOR invoice_date AS invoice_date - INTERVAL '10 minutes'
) WITH (connector = 'csv', path = 'order_lines.csv', key = 'customer_id', partitions = 4, follow = false);

CREATE MATERIALIZED VIEW revenue AS
SELECT window.start AS window_start, country, count(*) AS order_lines, count(DISTINCT invoice_no) AS invoices,
       sum(quantity) AS units, sum(quantity * unit_price) AS revenue
FROM order_lines GROUP BY window(invoice_date, '5 minutes'), country;

CREATE SINK raw FROM order_lines WITH (connector = 'delta', path = 'lake/order_lines');
";

/// Makes the project that reads `file`.
pub(crate) fn project(file: &Path) -> tempfile::TempDir {
    let project = tempfile::Builder::new().prefix("millrace-bench-").tempdir().expect("a temporary folder");
    fs::write(project.path().join("retail.sql"), SQL).expect("written");
    std::os::unix::fs::symlink(file, project.path().join("order_lines.csv")).expect("a link is made");
    project
}

/// One run over `file`: what it took, and the rows of the view as CSV.
pub(crate) fn run(file: &Path) -> (Meter, String) {
    let project = project(file);
    let (meter, _) =
        meter::run(millrace().arg("up").arg(project.path()).args(["--until-done", "--listen", "127.0.0.1:0"]));
    let question = "SELECT window_start, country, order_lines, invoices, units, revenue FROM revenue ORDER BY window_start, country";
    let (_, rows) =
        meter::run(millrace().arg("sql").arg("--project").arg(project.path()).args(["--output", "csv", question]));
    (meter, rows)
}
