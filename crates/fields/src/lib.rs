//! Weather states: variables, levels, units, tasks, readers, forcings, derived fields, event detectors, normalisation as a per-channel affine map.
