use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// A bar on standard error with rate and time left; silent where standard error is no terminal, apart from a line
/// at the end.
pub(crate) fn bar(what: &'static str, total: u64) -> ProgressBar {
    let style = ProgressStyle::with_template(
        "{prefix:>18} [{bar:32}] {pos}/{len} {per_sec} ETA {eta} {msg}",
    )
    .unwrap_or_else(|_| ProgressStyle::default_bar())
    .progress_chars("=> ");
    let bar = ProgressBar::new(total).with_prefix(what).with_style(style);
    bar.enable_steady_tick(Duration::from_millis(500));
    bar
}
