//! A map with coastlines.
fn main() {}
