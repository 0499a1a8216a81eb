//! A look at the sections of a message before the decoder sees them.
//!
//! The decoder trusts the lengths and counts in a message. These must fit each other and the message, so that damaged
//! ones take no memory. Octets are those of WMO-No. 306, volume I.2, FM 92 GRIB edition 2.

/// A field may have this many points whatever the size of its message: more than a grid of 0.1 degrees.
const ALWAYS_ALLOWED: u64 = 1 << 24;
/// Above that, points per byte of the message.
const LARGEST_RATIO: u64 = 64;
/// Lengths of groups may be stated in so many bits for whatever grid.
const MIN_GROUP: u64 = 1 << 20;
/// Bytes before the first section.
const INDICATOR: usize = 16;
const END: &[u8] = b"7777";

/// Checks the sections of one message.
pub(super) fn check(message: &[u8]) -> Result<(), String> {
    let mut rest = message.get(INDICATOR..).unwrap_or_default();
    let (mut n_points, mut template) = (0, 0);
    while rest != END {
        let length = number(rest, 1, 4)?;
        let section = usize::try_from(length).ok().filter(|&n| n >= 5);
        let section = section.and_then(|n| rest.get(..n)).ok_or_else(|| {
            let left = rest.len();
            format!("expected a section, found a length of {length} with {left} bytes left")
        })?;
        rest = &rest[section.len()..];
        match section[4] {
            1 => at_least(section, 21)?,
            2 => {}
            3 => {
                at_least(section, 14)?;
                n_points = number(section, 7, 4)?;
                let allowed = ALWAYS_ALLOWED.max(message.len() as u64 * LARGEST_RATIO);
                at_most("points", n_points, allowed)?;
            }
            4 => at_least(section, 9)?,
            5 => {
                template = number(section, 10, 2)?;
                at_most("numbers", number(section, 6, 4)?, n_points)?;
                packing(section, template, n_points)?;
            }
            6 => at_least(section, 6)?,
            7 => image(&section[5..], template, n_points)?,
            other => return Err(format!("expected sections 1 to 7, found {other}")),
        }
    }
    Ok(())
}

/// Section 5: how numbers are packed.
fn packing(section: &[u8], template: u64, n_points: u64) -> Result<(), String> {
    match template {
        // Simple, and images: nothing but bits per number.
        0 | 40..=42 => at_least(section, 21),
        // Complex, in groups.
        2 | 3 => {
            let bits = number(section, 47, 1)?;
            at_most("bits of a group's length", bits, 32)?;
            let longest = number(section, 38, 4)? + ((1 << bits) - 1) * number(section, 42, 1)?;
            // Bits are enough for the longest group, and no more than that.
            at_most("numbers in a group", longest, (4 * n_points).max(MIN_GROUP))?;
            at_most("numbers in the last group", number(section, 43, 4)?, n_points)?;
            at_most("groups", number(section, 32, 4)?, n_points)
        }
        // Run lengths of run lengths have no bound.
        200 => Err("data are packed by template 5.200 (run lengths)\nhint: repack the file, for example with `grib_set -r -w packingType=grid_simple`".to_owned()),
        // The decoder knows no others, and says so.
        _ => Ok(()),
    }
}

/// Section 7: the size that an image states.
fn image(data: &[u8], template: u64, n_points: u64) -> Result<(), String> {
    let (width, height) = match template {
        // JPEG 2000 begins with its markers SOC and SIZ, PNG with its header.
        40 if !data.is_empty() => (
            number(data, 9, 4)?.saturating_sub(number(data, 17, 4)?),
            number(data, 13, 4)?.saturating_sub(number(data, 21, 4)?),
        ),
        41 if !data.is_empty() => (number(data, 17, 4)?, number(data, 21, 4)?),
        _ => return Ok(()),
    };
    at_most("points of an image", width.saturating_mul(height), n_points)
}

/// A big-endian number at an octet, counted from 1.
fn number(bytes: &[u8], octet: usize, size: usize) -> Result<u64, String> {
    let found = bytes.get(octet - 1..octet - 1 + size);
    let found = found.ok_or_else(|| {
        let (expected, found) = (octet - 1 + size, bytes.len());
        format!("expected at least {expected} bytes, found {found}")
    })?;
    Ok(found.iter().fold(0, |n, &byte| n << 8 | u64::from(byte)))
}

fn at_least(section: &[u8], expected: usize) -> Result<(), String> {
    number(section, expected, 1).map(drop)
}

fn at_most(what: &str, found: u64, allowed: u64) -> Result<(), String> {
    match found <= allowed {
        true => Ok(()),
        false => Err(format!("expected at most {allowed} {what}, found {found}")),
    }
}
