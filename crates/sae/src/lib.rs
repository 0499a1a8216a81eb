//! Sparse autoencoders: models, training step, metrics, the algebra of code edits, checkpoints and their conversion.
