//! The on-disk form of latents and codes: sharded Zarr, metadata, seeded shuffle.
