//! The channels of a model, in order.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Task, Variable};

/// When a channel is valid, relative to the start of a forecast step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Frame {
    /// 6 hours before.
    Previous,
    /// At the start.
    Current,
    /// 6 hours after: forcings and predictions.
    Target,
    /// Always.
    Static,
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Previous => "-6 h",
            Self::Current => "0 h",
            Self::Target => "+6 h",
            Self::Static => "static",
        })
    }
}

/// One number per grid node: a variable at one level and one time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Channel {
    /// The variable.
    pub variable: Variable,
    /// The pressure level in hPa, if the variable is on levels.
    pub level: Option<u32>,
    /// When the channel is valid.
    pub frame: Frame,
}

impl Channel {
    /// The variable and, after `@`, its level: `temperature@850`.
    pub fn name(&self) -> String {
        match self.level {
            Some(level) => format!("{}@{level}", self.variable),
            None => self.variable.to_string(),
        }
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{} ({})", self.name(), self.frame))
    }
}

impl Task {
    /// The input channels of the model in GraphCast's order.
    ///
    /// Input variables in byte order of their names, each with all levels of the previous frame, then all of
    /// the current one; then the forcings of the target time in the same order.
    pub fn input_channels(&self) -> Vec<Channel> {
        let mut channels = Vec::new();
        for variable in sorted(&self.input_variables) {
            if variable.is_static() {
                self.push(&mut channels, variable, Frame::Static);
            } else {
                self.push(&mut channels, variable, Frame::Previous);
                self.push(&mut channels, variable, Frame::Current);
            }
        }
        for variable in sorted(&self.forcing_variables) {
            self.push(&mut channels, variable, Frame::Target);
        }
        channels
    }

    /// The output channels of the model in GraphCast's order: by name, then by level.
    pub fn output_channels(&self) -> Vec<Channel> {
        let mut channels = Vec::new();
        for variable in sorted(&self.target_variables) {
            self.push(&mut channels, variable, Frame::Target);
        }
        channels
    }

    fn push(&self, channels: &mut Vec<Channel>, variable: &Variable, frame: Frame) {
        let channel = |level| Channel {
            variable: variable.clone(),
            level,
            frame,
        };
        if variable.is_atmospheric() {
            channels.extend(
                self.pressure_levels
                    .iter()
                    .map(|&level| channel(Some(level))),
            );
        } else {
            channels.push(channel(None));
        }
    }
}

fn sorted(variables: &[Variable]) -> Vec<&Variable> {
    let mut sorted: Vec<_> = variables.iter().collect();
    sorted.sort();
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_the_public_models() {
        let counts = |task: Task| (task.input_channels().len(), task.output_channels().len());
        assert_eq!(counts(Task::graphcast()), (471, 227));
        assert_eq!(counts(Task::graphcast_13()), (183, 83));
        assert_eq!(counts(Task::graphcast_13_precip_out()), (181, 83));
    }

    #[test]
    fn display() {
        let channel = Channel {
            variable: Variable::TEMPERATURE,
            level: Some(850),
            frame: Frame::Previous,
        };
        assert_eq!(channel.to_string(), "temperature@850 (-6 h)");
    }
}
