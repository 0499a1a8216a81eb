//! A made-up world with planted features.

pub(crate) mod world;
