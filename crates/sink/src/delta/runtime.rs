//! Lets threads wait for the Delta log, whose calls are asynchronous.
//!
//! One small runtime serves every table of the process and is never dropped, because a runtime must not be dropped where
//! another one is running.

use std::future::Future;
use std::panic;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;

use tokio::runtime::{Builder, Handle, Runtime};

static RUNTIME: OnceLock<Runtime> = OnceLock::new();
static STARTING: Mutex<()> = Mutex::new(());

fn runtime() -> std::io::Result<&'static Runtime> {
    let _one_at_a_time = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("delta-log").enable_all().build()?;
    Ok(RUNTIME.get_or_init(|| runtime))
}

/// Runs `future` to its end, from any thread.
pub(super) fn wait<T: Send>(future: impl Future<Output = T> + Send) -> std::io::Result<T> {
    let runtime = runtime()?;
    if Handle::try_current().is_err() {
        return Ok(runtime.block_on(future));
    }
    // On a thread of another runtime one may not block, so another thread does.
    thread::scope(|scope| {
        let waiting = thread::Builder::new().spawn_scoped(scope, || runtime.block_on(future))?;
        Ok(waiting.join().unwrap_or_else(|panicked| panic::resume_unwind(panicked)))
    })
}
