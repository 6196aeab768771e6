//! Which project a command is about, and who answers for it.

use std::path::PathBuf;

use clap::Args;
use millrace_station::{Archive, Overrides, Project, Serving, data_dir};

use crate::client::Client;
use crate::output::Output;

/// The project of a command that only looks.
#[derive(Debug, Clone, Args)]
pub(crate) struct ProjectArguments {
    /// Folder of the project
    #[arg(id = "project", long = "project", value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// The data folder, in the place of `[data] dir`
    #[arg(long, value_name = "DIR")]
    data_dir: Option<String>,
}

/// Arguments of a command that lists something of a project.
#[derive(Debug, Args)]
pub(crate) struct ListArguments {
    #[command(flatten)]
    pub(crate) project: ProjectArguments,
    /// How the list is printed
    #[arg(long, value_enum, default_value_t = Output::Table)]
    pub(crate) output: Output,
}

impl ProjectArguments {
    /// The same with another folder, if one is named.
    pub(crate) fn or_in(mut self, folder: Option<PathBuf>) -> Self {
        self.dir = folder.unwrap_or(self.dir);
        self
    }

    fn overrides(&self) -> Overrides {
        Overrides { data_dir: self.data_dir.clone(), ..Overrides::default() }
    }

    /// Its settings and statements.
    pub(crate) fn open(&self) -> anyhow::Result<Project> {
        Ok(Project::open(&self.dir, &self.overrides())?)
    }

    /// The program that runs it, if one does and serves HTTP.
    pub(crate) fn running(&self) -> anyhow::Result<Option<Client>> {
        Client::find(&self.dir, &self.overrides())
    }

    /// The program that runs it, if one does, whatever it serves.
    pub(crate) fn serving(&self) -> anyhow::Result<Option<Serving>> {
        Ok(Serving::find_for_project(&self.dir, &self.overrides())?)
    }

    /// The folder of its log. Statements are not looked at.
    pub(crate) fn log_dir(&self) -> anyhow::Result<PathBuf> {
        Ok(data_dir(&self.dir, &self.overrides())?.join("log"))
    }

    /// Its data folder, for reading.
    pub(crate) fn archive(&self) -> anyhow::Result<Archive> {
        Ok(Archive::open(self.open()?)?)
    }
}
