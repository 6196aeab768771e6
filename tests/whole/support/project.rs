//! Project folders that tests change and throw away.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Outcome, rows_of, run, run_with};

/// A project in a folder of its own.
pub(crate) struct Project {
    folder: tempfile::TempDir,
}

impl Project {
    /// An empty folder.
    pub(crate) fn empty() -> Self {
        Self { folder: tempfile::Builder::new().prefix("millrace-test-").tempdir().expect("a temporary folder") }
    }

    /// The example project as it is shipped.
    pub(crate) fn example() -> Self {
        let project = Self::empty();
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/online-retail");
        for entry in fs::read_dir(&example).expect("the example is there") {
            let path = entry.expect("the example is readable").path();
            if path.is_file() {
                fs::copy(&path, project.path(path.file_name().expect("a file has a name"))).expect("copied");
            }
        }
        project.link("data/online_retail.csv.zst", &example.join("data/online_retail.csv.zst"));
        project
    }

    /// The example with its source read in `partitions` partitions, from the UTF-8 file or from the Latin-1 one.
    pub(crate) fn variant(partitions: u32, latin1: bool) -> Self {
        let project = Self::example();
        project.edit("10_source.sql", "partitions = 4", &format!("partitions = {partitions}"));
        if latin1 {
            let file = "online_retail_kaggle_style_latin1.csv.zst";
            let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
            project.link(&format!("data/{file}"), &data.join(file));
            project.edit("10_source.sql", "online_retail.csv.zst", file);
            let options = "follow     = false,\n  encoding = 'latin1',\n  timestamp_format = '%m/%d/%Y %H:%M'";
            project.edit("10_source.sql", "follow     = false", options);
        }
        project
    }

    /// The folder.
    pub(crate) fn dir(&self) -> &Path {
        self.folder.path()
    }

    /// A path within the folder.
    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.dir().join(name)
    }

    /// Writes a file, with its folders.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> &Self {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a file is in a folder")).expect("folders are made");
        fs::write(&path, content).expect("the file is written");
        self
    }

    fn link(&self, name: &str, target: &Path) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a file is in a folder")).expect("folders are made");
        std::os::unix::fs::symlink(target, path).expect("a link is made");
    }

    /// Replaces the one place where `old` stands.
    pub(crate) fn edit(&self, name: &str, old: &str, new: &str) {
        let text = fs::read_to_string(self.path(name)).expect("the file to edit is there");
        assert_eq!(text.matches(old).count(), 1, "`{old}` stands once in {name}");
        self.write(name, text.replace(old, new));
    }

    /// Runs a command on this project.
    pub(crate) fn run(&self, arguments: &[&str]) -> Outcome {
        run(self.dir(), arguments)
    }

    /// Runs a command on this project, with something on its stdin.
    pub(crate) fn run_with(&self, arguments: &[&str], input: &str) -> Outcome {
        run_with(self.dir(), arguments, input)
    }

    /// Reads bounded sources to their end.
    #[track_caller]
    pub(crate) fn load(&self) -> &Self {
        self.run(&["up", self.arg(), "--until-done", "--listen", "127.0.0.1:0"]).succeeded();
        self
    }

    /// Asks with `millrace sql`; the rows as text.
    #[track_caller]
    pub(crate) fn ask(&self, sql: &str) -> Vec<Vec<String>> {
        let outcome = self.run(&["sql", "--project", self.arg(), "--output", "csv", sql]);
        assert_eq!(outcome.code, Some(0), "`{sql}` failed:\n{}{}", outcome.stdout, outcome.stderr);
        rows_of(&outcome.stdout)
    }

    /// The folder as an argument.
    pub(crate) fn arg(&self) -> &str {
        self.dir().to_str().expect("a temporary folder has a plain name")
    }
}
