//! The table's log: which files count, and how far each partition of the topic has been written.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use arrow::datatypes::SchemaRef;
use deltalake::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake::kernel::transaction::{CommitBuilder, CommitProperties};
use deltalake::kernel::{Action, Add, LogicalFileView, StructType, Transaction};
use deltalake::protocol::{DeltaOperation, SaveMode};
use deltalake::{DeltaTable, DeltaTableBuilder, DeltaTableError};
use millrace_flow::Offset;

use super::file::{FinishedFile, failed, sync_folder};
use super::runtime;
use crate::SinkError;

const LOG_FOLDER: &str = "_delta_log";

/// A table's log as one sink sees it.
pub(super) struct Lake {
    folder: PathBuf,
    table: DeltaTable,
    sink: String,
    partitions: u32,
}

/// What a commit does to the table.
#[derive(Default)]
pub(super) struct Change {
    pub(super) added: Vec<FinishedFile>,
    pub(super) removed: Vec<LogicalFileView>,
    /// Next offsets, by partition, if they move.
    pub(super) next: Option<Vec<Offset>>,
    /// How often the table has been cut back, if that moves.
    pub(super) cuts: Option<i64>,
}

/// What a commit is called in the table's history.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Rows come or, after a power cut, go.
    Write,
    /// The same rows in fewer files.
    Compact,
}

/// Opens the table in `folder`, without making one.
pub(super) async fn load(folder: &Path) -> Result<Option<DeltaTable>, DeltaTableError> {
    let url = deltalake::ensure_table_uri(folder.to_string_lossy())?;
    let mut table = DeltaTableBuilder::from_url(url)?.build()?;
    if !table.verify_deltatable_existence().await? {
        return Ok(None);
    }
    table.load().await?;
    Ok(Some(table))
}

/// Waits for something of the log at `folder`.
pub(super) fn wait<T: Send>(
    folder: &Path,
    future: impl Future<Output = Result<T, DeltaTableError>> + Send,
) -> Result<T, SinkError> {
    let result = runtime::wait(future).map_err(|source| failed("start the threads that write", folder, source))?;
    result.map_err(|source| SinkError::Delta { path: folder.to_path_buf(), source: Box::new(source) })
}

impl Lake {
    /// Opens the table of `sink` in `folder`, made with the columns of `schema` if there is none.
    pub(super) fn open(folder: &Path, sink: &str, partitions: u32, schema: &SchemaRef) -> Result<Self, SinkError> {
        fs::create_dir_all(folder).map_err(|source| failed("create the folder", folder, source))?;
        drop_torn_entry(folder)?;
        let wanted: StructType = schema.as_ref().try_into_kernel().map_err(SinkError::Arrow)?;
        let table = wait(folder, async {
            match load(folder).await? {
                Some(table) => Ok(table),
                None => create(folder, sink, &wanted).await,
            }
        })?;
        let lake = Self { folder: folder.to_path_buf(), table, sink: sink.to_owned(), partitions };
        lake.check_columns(&wanted)?;
        sync_folder(folder)?;
        lake.sync_log()?;
        Ok(lake)
    }

    fn check_columns(&self, wanted: &StructType) -> Result<(), SinkError> {
        let state = self.table.snapshot().map_err(|source| self.wrap(source))?;
        let describe = |schema: &StructType| -> Vec<String> {
            schema.fields().map(|field| format!("{} {}", field.name(), field.data_type())).collect()
        };
        let (found, wanted) = (describe(&state.schema()), describe(wanted));
        let reason = if found != wanted {
            format!(
                "its columns ({}) are not those of sink `{}` ({}); write to another path, or move this folder away",
                found.join(", "),
                self.sink,
                wanted.join(", ")
            )
        } else if !state.metadata().partition_columns().is_empty() {
            "it is partitioned by columns; write to another path".to_owned()
        } else {
            return Ok(());
        };
        Err(SinkError::Lake { path: self.folder.clone(), reason })
    }

    fn wrap(&self, source: DeltaTableError) -> SinkError {
        SinkError::Delta { path: self.folder.clone(), source: Box::new(source) }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The version that this knows of.
    pub(super) fn version(&self) -> u64 {
        self.table.version().unwrap_or(0)
    }

    /// Takes in what others have committed.
    pub(super) fn refresh(&mut self) -> Result<(), SinkError> {
        let (folder, table) = (&self.folder, &mut self.table);
        wait(folder, table.update_state())
    }

    fn app_id(&self, partition: usize) -> String {
        format!("millrace:{}:{partition}", self.sink)
    }

    /// Next offsets, by partition, as the log has them.
    pub(super) fn progress(&self) -> Result<Vec<Offset>, SinkError> {
        let mut progress = Vec::with_capacity(self.partitions as usize);
        for partition in 0..self.partitions as usize {
            progress.push(Offset(self.transaction_version(self.app_id(partition))?));
        }
        Ok(progress)
    }

    /// How often the table has been cut back.
    pub(super) fn cuts(&self) -> Result<i64, SinkError> {
        self.transaction_version(format!("millrace:{}", self.sink))
    }

    fn transaction_version(&self, app_id: String) -> Result<i64, SinkError> {
        let version = wait(&self.folder, async {
            let log_store = self.table.log_store();
            self.table.snapshot()?.transaction_version(log_store.as_ref(), app_id).await
        })?;
        Ok(version.unwrap_or(0))
    }

    /// The files that count.
    pub(super) fn files(&self) -> Result<Vec<LogicalFileView>, SinkError> {
        Ok(self.table.snapshot().map_err(|source| self.wrap(source))?.log_data().iter().collect())
    }

    /// Commits a change; when it returns, the change is on the disk.
    pub(super) fn commit(&mut self, change: &Change, purpose: Purpose) -> Result<(), SinkError> {
        let result = wait(&self.folder, self.send(change, purpose));
        let refreshed = self.refresh();
        if let Err(error) = result {
            refreshed?;
            if !self.has(change)? {
                return Err(error);
            }
            tracing::warn!(sink = self.sink, %error, "a commit failed and is in the log all the same");
        }
        self.sync_log()
    }

    async fn send(&self, change: &Change, purpose: Purpose) -> Result<(), DeltaTableError> {
        let rows_change = purpose == Purpose::Write;
        let removed = change.removed.iter().map(|view| Action::Remove(view.remove_action(rows_change)));
        let added = change.added.iter().map(|file| Action::Add(add(file, rows_change)));
        let actions: Vec<Action> = removed.chain(added).collect();
        let properties = CommitProperties::default()
            .with_application_transactions(self.transactions(change))
            .with_cleanup_expired_logs(Some(purpose == Purpose::Compact));
        let operation = match purpose {
            Purpose::Write => DeltaOperation::Write { mode: SaveMode::Append, partition_by: None, predicate: None },
            Purpose::Compact => DeltaOperation::Optimize { predicate: None, target_size: 0 },
        };
        CommitBuilder::from(properties)
            .with_actions(actions)
            .build(Some(self.table.snapshot()?), self.table.log_store(), operation)
            .await?;
        Ok(())
    }

    fn transactions(&self, change: &Change) -> Vec<Transaction> {
        let now_ms = Some(now_ms());
        let of = |app_id: String, version| Transaction::new_with_last_update(app_id, version, now_ms);
        let offsets = change.next.iter().flatten().enumerate();
        let offsets = offsets.map(|(partition, next)| of(self.app_id(partition), next.0));
        offsets.chain(change.cuts.map(|cuts| of(format!("millrace:{}", self.sink), cuts))).collect()
    }

    /// Whether the log has a change, looked up after an answer that was lost.
    fn has(&self, change: &Change) -> Result<bool, SinkError> {
        if let Some(next) = &change.next
            && self.progress()? != *next
        {
            return Ok(false);
        }
        let files = self.files()?;
        Ok(change.added.iter().all(|file| files.iter().any(|view| view.path() == file.name)))
    }

    /// Deletes what the retention of removed files no longer keeps.
    pub(super) fn vacuum(&mut self) -> Result<(), SinkError> {
        let table = self.table.clone();
        let (_, metrics) = wait(&self.folder, async { table.vacuum().await })?;
        if !metrics.files_deleted.is_empty() {
            tracing::info!(sink = self.sink, files = metrics.files_deleted.len(), "deleted files removed long ago");
        }
        self.refresh()
    }

    /// Brings the log's newest entry to the disk.
    fn sync_log(&self) -> Result<(), SinkError> {
        let log = self.folder.join(LOG_FOLDER);
        let entry = log.join(format!("{:020}.json", self.version()));
        let synced = fs::File::open(&entry).and_then(|entry| entry.sync_all());
        synced.map_err(|source| failed("bring to the disk", &entry, source))?;
        sync_folder(&log)
    }
}

async fn create(folder: &Path, sink: &str, columns: &StructType) -> Result<DeltaTable, DeltaTableError> {
    let url = deltalake::ensure_table_uri(folder.to_string_lossy())?;
    let table = DeltaTableBuilder::from_url(url)?.build()?;
    table.create().with_columns(columns.fields().cloned()).with_table_name(sink).with_save_mode(SaveMode::Ignore).await
}

fn add(file: &FinishedFile, data_change: bool) -> Add {
    Add {
        path: file.name.clone(),
        size: file.bytes,
        modification_time: now_ms(),
        data_change,
        stats: Some(file.stats.clone()),
        ..Add::default()
    }
}

fn now_ms() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}

/// Takes away the log's last entry if a power cut tore it: it was never given out as committed, and with it no reader gets on.
fn drop_torn_entry(folder: &Path) -> Result<(), SinkError> {
    let Ok(entries) = fs::read_dir(folder.join(LOG_FOLDER)) else {
        return Ok(());
    };
    let is_commit = |path: &PathBuf| {
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        path.extension().is_some_and(|end| end == "json")
            && stem.len() == 20
            && stem.bytes().all(|b| b.is_ascii_digit())
    };
    let last = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).filter(is_commit).max();
    let Some(last) = last else {
        return Ok(());
    };
    let text = fs::read(&last).map_err(|source| failed("read", &last, source))?;
    let mut lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).peekable();
    let whole = lines.peek().is_some() && lines.all(|line| serde_json::from_slice::<serde_json::Value>(line).is_ok());
    if !whole {
        tracing::warn!(entry = %last.display(), "the lake's last log entry is torn, taking it away");
        fs::remove_file(&last).map_err(|source| failed("remove", &last, source))?;
    }
    Ok(())
}
