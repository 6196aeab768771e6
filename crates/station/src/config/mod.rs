//! What a person can set: `millrace.toml`, the environment, the command line.
//!
//! A flag beats `MILLRACE_<SECTION>_<KEY>`, which beats the file, which beats the default. All that is wrong is reported at
//! once, each mistake with its place ([`load`]); what is left is checked for sense and becomes a [`Config`], which cannot hold
//! anything that does not work ([`validate`](Sections::validate)).

mod load;
mod place;
mod quantity;
mod reference;
mod sections;
mod validate;

#[cfg(test)]
mod tests;

pub use load::{Loaded, Overrides, load};
pub use place::Places;
pub use quantity::{Seconds, Size};
pub use reference::reference;
pub use sections::{
    BarsSection, DashboardSection, DataSection, EngineSection, FeedSection, HttpSection, KafkaSection, ProjectSection,
    Sections, TileSection, TimelineSection, WarehouseSection,
};
pub use validate::{Config, EngineConfig, KafkaConfig, KafkaSecurity, Refusal};

/// Name of the file.
pub const FILE: &str = "millrace.toml";
