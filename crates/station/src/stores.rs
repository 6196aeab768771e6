//! What questions are answered from: the log, the schemas and the warehouse of a project, whether or not it runs.

use std::sync::Arc;

use millrace_flow::{Log, TopicInfo};
use millrace_log::EmbeddedLog;
use millrace_schema::Registry;
use millrace_sink::sqlite::Warehouse;

use crate::{Project, StationError, nearest};

/// The stores of a project.
pub(crate) struct Stores {
    pub(crate) project: Arc<Project>,
    pub(crate) embedded: Arc<EmbeddedLog>,
    pub(crate) log: Arc<dyn Log>,
    pub(crate) registry: Arc<Registry>,
    /// Not there when nothing was written yet and nothing may be.
    pub(crate) warehouse: Option<Arc<Warehouse>>,
}

impl Stores {
    /// Opens the stores for a program that runs, and makes what is missing.
    pub(crate) fn open(project: Arc<Project>) -> Result<Self, StationError> {
        let data_dir = &project.config.data_dir;
        std::fs::create_dir_all(data_dir).map_err(StationError::file("make", data_dir))?;
        let registry = Arc::new(Registry::open(&project.registry_file())?);
        let embedded = EmbeddedLog::open(&project.log_dir(), project.config.log.clone(), registry.clone())?;
        if let Some(folder) = project.config.warehouse.parent() {
            std::fs::create_dir_all(folder).map_err(StationError::file("make", folder))?;
        }
        let warehouse = Some(Warehouse::open(&project.config.warehouse)?);
        Ok(Self { log: embedded.clone(), project, embedded, registry, warehouse })
    }

    /// Opens what is there, for reading only.
    pub(crate) fn open_read_only(project: Arc<Project>) -> Result<Self, StationError> {
        if !project.config.data_dir.is_dir() {
            return Err(StationError::NoData(project.config.data_dir.clone()));
        }
        let registry = Arc::new(Registry::open(&project.registry_file())?);
        let embedded = EmbeddedLog::open_read_only(&project.log_dir())?;
        let has_warehouse = project.config.warehouse.is_file();
        let warehouse = has_warehouse.then(|| Warehouse::open_read_only(&project.config.warehouse)).transpose()?;
        Ok(Self { log: embedded.clone(), project, embedded, registry, warehouse })
    }

    /// Opens the log alone, for whoever changes it while the project does not run, and makes what is missing.
    pub(crate) fn open_log(project: Arc<Project>) -> Result<Self, StationError> {
        let data_dir = &project.config.data_dir;
        std::fs::create_dir_all(data_dir).map_err(StationError::file("make", data_dir))?;
        let registry = Arc::new(Registry::open(&project.registry_file())?);
        let embedded = EmbeddedLog::open(&project.log_dir(), project.config.log.clone(), registry.clone())?;
        Ok(Self { log: embedded.clone(), project, embedded, registry, warehouse: None })
    }

    /// A topic by its name.
    pub(crate) fn topic(&self, name: &str) -> Result<TopicInfo, StationError> {
        self.log.topic(name).ok_or_else(|| {
            let topics = self.log.topics();
            let known = topics.iter().map(|topic| &*topic.spec.name);
            StationError::NoTopic { name: name.to_owned(), cure: nearest::cure(name, known, "topics") }
        })
    }

    /// Rows of a materialized view, if its table is there.
    pub(crate) fn count(&self, view: &str) -> Option<u64> {
        self.warehouse.as_ref()?.count(view).ok()
    }
}
