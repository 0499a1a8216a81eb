//! The graph network: load weights, one step, rollout, training; offers named sites to taps.
