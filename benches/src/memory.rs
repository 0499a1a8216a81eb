//! Memory of this process.

/// Resident bytes now; 0 where `/proc` is missing.
pub fn resident() -> u64 {
    status("VmRSS:")
}

/// The most resident bytes so far; 0 where `/proc` is missing.
pub fn peak() -> u64 {
    status("VmHWM:")
}

/// A figure's value for some bytes.
pub fn gib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 30)
}

fn status(field: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(field));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_peak_remembers_what_is_gone() {
        let before = resident();
        let block = std::hint::black_box(vec![1u8; 64 << 20]);
        drop(block);
        assert!(before > 0 && peak() >= before + (60 << 20));
        assert_eq!(gib(3 << 30), 3.0);
    }
}
