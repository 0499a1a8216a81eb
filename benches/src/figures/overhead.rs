//! What capturing one site of `GraphCast_small` costs beside the step itself.

use crate::child::{Job, Size, run};
use crate::{Figure, Outcome};

/// `capture.overhead`: time to record the latents of one site, copy them out and write them (f16, compressed), as a share
/// of a step.
pub fn measure() -> Outcome {
    let share = run(Job::Capture, Size::Small)?.ratio("capture", "step")?;
    Ok(vec![Figure::lower("capture.overhead", share, "1")])
}
