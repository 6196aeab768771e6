//! A project: a folder with `millrace.toml`, which may be missing, and statements in `*.sql`, read in the order of their names.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use millrace_engine::sql::{Program, Script, compile_what_is_right};
use millrace_flow::{Diagnostic, nearest};

use crate::StationError;
use crate::catalog::Catalog;
use crate::config::{self, Config, Loaded, Overrides, Places};
use crate::options::{Connectors, read_connectors};
use crate::{dashboard, options, tables, views};

/// Longest file that is read: a statement that somebody wrote is a thousand times shorter.
const SCRIPT_BYTES_MAX: u64 = 16 << 20;

/// A project whose settings and statements are known to make sense.
#[derive(Debug)]
pub struct Project {
    /// Its folder.
    pub dir: PathBuf,
    /// Its settings.
    pub config: Config,
    /// The files with its statements.
    pub scripts: Vec<Script>,
    /// What they declare.
    pub program: Program,
    pub(crate) connectors: Connectors,
    pub(crate) catalog: Catalog,
}

impl Project {
    /// Reads and checks the project in `dir`. A folder with nothing in it is a project, too.
    ///
    /// # Errors
    /// Everything that is wrong with it, at once.
    pub fn open(dir: &Path, overrides: &Overrides) -> Result<Self, StationError> {
        let environment: Vec<_> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Self::open_with(dir, overrides, &environment)
    }

    /// The same with these environment variables.
    ///
    /// # Errors
    /// As [`Project::open`].
    pub fn open_with(
        dir: &Path,
        overrides: &Overrides,
        environment: &[(String, String)],
    ) -> Result<Self, StationError> {
        let dir = folder(dir)?;
        let settings = read_settings(&dir)?;
        let Loaded { config, places, mut diagnostics } = config::load(&dir, &settings, environment, overrides);
        if let Some(at) = config.data_dir.ancestors().find(|path| path.exists()).filter(|path| !path.is_dir()) {
            let message = format!("`{}` is a file, and the data folder would be there", at.display());
            let cure = Some("name a folder, or one that can be made".to_owned());
            diagnostics.push(places.diagnostic("data.dir", message, cure));
        }
        diagnostics.extend(missing_files(&config, &places));
        let scripts = read_scripts(&dir)?;
        let (program, wrong) = compile_what_is_right(&scripts);
        diagnostics.extend(wrong);
        diagnostics.extend(tables::check(&program));
        let connectors = read_connectors(&dir, &program, &mut diagnostics);
        let program = if diagnostics.is_empty() { program } else { Program::default() };
        let project = Self { catalog: Catalog::new(&program), dir, config, scripts, program, connectors };
        diagnostics.extend(project.check_dashboard(&places, diagnostics.is_empty()));
        if diagnostics.is_empty() { Ok(project) } else { Err(StationError::Project(diagnostics)) }
    }

    /// Whether it has no statement.
    pub fn is_empty(&self) -> bool {
        self.program.sources.is_empty() && self.program.views.is_empty()
    }

    /// What is no mistake and may not be meant: a source that ends with its files, of which there are none yet.
    pub fn doubts(&self) -> Vec<Diagnostic> {
        options::sources_without_files(&self.program, &self.connectors)
    }

    /// Where the log is kept.
    pub(crate) fn log_dir(&self) -> PathBuf {
        self.config.data_dir.join("log")
    }

    /// Where schemas are kept.
    pub(crate) fn registry_file(&self) -> PathBuf {
        self.config.data_dir.join("schemas.json")
    }

    /// Where the state of a query is kept.
    pub(crate) fn state_dir(&self, query: &str) -> PathBuf {
        self.config.data_dir.join("state").join(query)
    }

    /// What `[dashboard]` says of views that are not there, once everything else is right.
    fn check_dashboard(&self, places: &Places, checked: bool) -> Vec<Diagnostic> {
        if !checked {
            return Vec::new();
        }
        let refusals = dashboard::check(&self.config.dashboard, &views::list(self, |_| None));
        refusals.into_iter().map(|wrong| places.diagnostic(&wrong.path, wrong.message, wrong.cure)).collect()
    }
}

/// The folder of a project, which has to be there: one that is mistyped is not to become an empty project.
pub(crate) fn folder(dir: &Path) -> Result<PathBuf, StationError> {
    let found = dir.canonicalize().and_then(|dir| match dir.is_dir() {
        true => Ok(dir),
        false => Err(io::Error::from(io::ErrorKind::NotADirectory)),
    });
    found.map_err(|source| {
        let name = dir.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let above = dir.parent().map(|above| if above.as_os_str().is_empty() { Path::new(".") } else { above });
        let entries = above.and_then(|above| fs::read_dir(above).ok()).into_iter().flatten().flatten();
        let folders: Vec<String> = entries
            .filter(|entry| entry.path().is_dir())
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        let near = nearest(&name, folders.iter().map(String::as_str)).map(|near| dir.with_file_name(near));
        let cure = match near {
            Some(near) => format!("did you mean `{}`?", near.display()),
            None => "name a folder that exists".to_owned(),
        };
        StationError::Folder { dir: dir.to_owned(), source, cure }
    })
}

/// The files for encryption that settings name and that are not there.
fn missing_files(config: &Config, places: &Places) -> Vec<Diagnostic> {
    let Some(security) = config.kafka.as_ref().map(|kafka| &kafka.security) else { return Vec::new() };
    let tls = security.tls.iter().flat_map(|(certificate, key)| [("tls_certificate", certificate), ("tls_key", key)]);
    let named = tls.chain(security.client_ca.iter().map(|path| ("tls_client_ca", path)));
    let missing = named.filter(|(_, path)| !path.is_file());
    let told = missing.map(|(name, path)| {
        let cure = Some("name a file in PEM, relative to the project".to_owned());
        places.diagnostic(&format!("kafka.{name}"), format!("`{}` is not there", path.display()), cure)
    });
    told.collect()
}

pub(crate) fn read_settings(dir: &Path) -> Result<String, StationError> {
    let path = dir.join(config::FILE);
    match read_text(&path) {
        Err(StationError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        read => read,
    }
}

/// The files whose names end in `.sql`, in the order of their names.
fn read_scripts(dir: &Path) -> Result<Vec<Script>, StationError> {
    let unreadable =
        |source| StationError::Folder { dir: dir.to_owned(), source, cure: "check that it may be read".to_owned() };
    let mut paths = Vec::new();
    for entry in fs::read_dir(dir).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let is_script = path.extension().is_some_and(|extension| extension == "sql") && path.is_file();
        // An editor's own file beside the real one begins with a dot.
        if is_script && !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.')) {
            paths.push(path);
        }
    }
    paths.sort();
    let script = |path: PathBuf| {
        let file = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Ok(Script { file: file.into(), text: read_text(&path)?.into() })
    };
    paths.into_iter().map(script).collect()
}

fn read_text(path: &Path) -> Result<String, StationError> {
    let failed = |source| StationError::File { doing: "read", path: path.to_owned(), source };
    let length = fs::metadata(path).map_err(failed)?.len();
    if length > SCRIPT_BYTES_MAX {
        let reason = format!("{length} bytes are too many for a file of statements");
        return Err(failed(io::Error::new(io::ErrorKind::InvalidData, reason)));
    }
    let text = fs::read_to_string(path).map_err(failed)?;
    Ok(text.strip_prefix('\u{feff}').map_or_else(|| text.clone(), str::to_owned))
}
