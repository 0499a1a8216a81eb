//! Which mesh nodes show a phenomenon at which times.

mod cases;
mod config;
mod masks;

pub use cases::Target;
pub use config::LabelConfig;
pub use masks::SplitLabels;
