//! Weather states: variables, levels, units, tasks, readers, forcings, derived fields, event detectors, normalisation as a per-channel affine map.

mod channel;
mod error;
mod state;
mod task;
mod time;
mod variable;

pub use channel::{Channel, Frame};
pub use error::{Error, Result};
pub use state::{Field, State};
pub use task::{LEVELS_13, LEVELS_37, STEP_HOURS, Task};
pub use time::Time;
pub use variable::{Kind, Variable};
