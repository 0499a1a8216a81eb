//! The `dropsonde` program.

fn main() {}
