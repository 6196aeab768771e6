//! The broker: what all connections share.

use std::sync::Arc;

use millrace_log::EmbeddedLog;

use crate::answers::resources::timings_of;
use crate::group_service::GroupService;
use crate::options::NODE_ID;
use crate::producer_ids::ProducerIds;
use crate::room::Room;
use crate::security::Security;
use crate::sessions::FetchSessions;
use crate::settings::SettingsStore;
use crate::throttle::Throttle;
use crate::transaction_service::TransactionService;
use crate::{BrokerError, BrokerOptions};

/// A broker over a log.
pub struct Broker {
    pub(crate) log: Arc<EmbeddedLog>,
    pub(crate) options: BrokerOptions,
    pub(crate) groups: GroupService,
    pub(crate) producer_ids: ProducerIds,
    pub(crate) security: Security,
    pub(crate) settings: SettingsStore,
    pub(crate) sessions: FetchSessions,
    pub(crate) throttle: Throttle,
    pub(crate) room: Room,
    pub(crate) transactions: TransactionService,
    cluster_id: String,
}

impl Broker {
    /// Takes up what an earlier process remembered of its clients.
    ///
    /// # Errors
    /// When the disk does not answer or lies, or a certificate cannot be used.
    pub fn open(log: Arc<EmbeddedLog>, options: BrokerOptions) -> Result<Arc<Self>, BrokerError> {
        let groups = GroupService::open(&log)?;
        let producer_ids = ProducerIds::open(&log)?;
        let transactions = TransactionService::open(log.clone(), &groups)?;
        let settings = SettingsStore::open(&log)?;
        groups.set_timings(timings_of(&settings.all()));
        let (sessions, throttle) = (FetchSessions::default(), Throttle::default());
        let security = Security::open(&log, &options.security)?;
        let (cluster_id, room) = (log.id(), Room::new(options.answer_bytes_max));
        Ok(Arc::new(Self {
            log,
            options,
            groups,
            producer_ids,
            transactions,
            settings,
            sessions,
            throttle,
            room,
            security,
            cluster_id,
        }))
    }

    /// The coordinator of every group and the leader of every partition: number, host, port.
    pub(crate) fn node(&self) -> (i32, String, i32) {
        (NODE_ID, self.options.advertised_host.clone(), i32::from(self.options.advertised_port))
    }

    /// What names this broker's log for ever.
    pub(crate) fn cluster_id(&self) -> String {
        self.cluster_id.clone()
    }
}
