//! Workspace tasks.

fn main() {}
