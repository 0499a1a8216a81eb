//! What stores of activations and codes promise.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot read its fixtures fails"
)]

mod buckets;
mod codes;
mod damage;
mod npy;
mod shuffle;
mod stores;
