//! How long a start takes until the program is ready, and the memory it has when nothing happens.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::median;
use super::meter::{self, Served, millrace, rss_mb};

const STARTS: usize = 5;

/// Prints one line for an empty project and one for the example, loaded.
pub(crate) fn measure() {
    println!("| start | ready after ms | idle RSS MB |\n|---|---|---|");
    let empty = tempfile::tempdir().expect("a temporary folder");
    line("an empty folder", empty.path());

    let example = tempfile::tempdir().expect("a temporary folder");
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/online-retail");
    for entry in fs::read_dir(&shipped).expect("the example is there") {
        let path = entry.expect("it is readable").path();
        let name = path.file_name().expect("a file has a name").to_owned();
        if path.is_file() {
            fs::copy(&path, example.path().join(name)).expect("copied");
        } else if name == "data" {
            std::os::unix::fs::symlink(&path, example.path().join(name)).expect("a link is made");
        }
    }
    let (meter, _) =
        meter::run(millrace().arg("up").arg(example.path()).args(["--until-done", "--listen", "127.0.0.1:0"]));
    line("the example, loaded", example.path());
    println!("\nthe example from its file to all views and both Delta tables: {:.2} s\n", meter.wall_s);
}

fn line(name: &str, project: &Path) {
    let (mut ready_ms, mut idle_mb) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        let (served, ready) = Served::start(project);
        ready_ms.push(ready.as_secs_f64() * 1e3);
        std::thread::sleep(Duration::from_secs(2));
        idle_mb.push(rss_mb(served.id(), "VmRSS").expect("it runs"));
    }
    println!("| {name} | {:.0} | {:.0} |", median(ready_ms), median(idle_mb));
}
