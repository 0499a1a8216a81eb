//! What a feature means and does: catalogue, maps, scores against events, probes, gradients.
