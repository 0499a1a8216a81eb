//! GRIB2 messages that are damaged: errors that name the file, no panic, no memory for what is not there.
//! Found by the fuzz target `grib`.

use std::fs;

use crate::common::data;
use dropsonde_fields::{Error, Source};

/// The fifth message of the fixture, complex packing of differences.
fn message() -> Vec<u8> {
    let file = fs::read(data("gfs.grib2")).unwrap();
    let mut rest = file.as_slice();
    for _ in 0..4 {
        rest = &rest[length(rest)..];
    }
    rest[..length(rest)].to_vec()
}

fn length(message: &[u8]) -> usize {
    u64::from_be_bytes(message[8..16].try_into().unwrap()) as usize
}

/// Where a section begins.
fn section(message: &[u8], number: u8) -> usize {
    let mut at = 16;
    while message[at + 4] != number {
        at += u32::from_be_bytes(message[at..at + 4].try_into().unwrap()) as usize;
    }
    at
}

fn read(bytes: &[u8]) -> Result<(), Error> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("damaged.grib2");
    fs::write(&path, bytes).unwrap();
    let source = Source::open(&path)?;
    for &time in source.times() {
        source.state(time)?;
    }
    Ok(())
}

/// What is said when these bytes stand at an octet (from 1) of a section.
fn said(number: u8, octet: usize, bytes: &[u8]) -> String {
    let mut message = message();
    let at = section(&message, number) + octet - 1;
    message[at..at + bytes.len()].copy_from_slice(bytes);
    let error = read(&message).unwrap_err();
    assert!(matches!(error, Error::Malformed { .. }), "{error}");
    let said = error.to_string();
    assert!(said.contains("damaged.grib2"), "{said}");
    said
}

#[test]
fn the_message_is_good_before_it_is_damaged() {
    read(&message()).unwrap();
}

#[test]
fn lengths_and_counts_must_fit_the_message() {
    let huge = [0xff; 4];
    for number in [1, 3, 4, 5, 6, 7] {
        assert!(said(number, 1, &huge).contains("expected a section"));
        assert!(said(number, 1, &[0; 4]).contains("expected a section"));
    }
    assert!(said(3, 5, &[9]).contains("sections 1 to 7"));
    assert!(said(3, 7, &huge).contains("points"));
    assert!(said(5, 6, &huge).contains("numbers"));
    assert!(said(5, 32, &huge).contains("groups"));
    assert!(said(5, 38, &huge).contains("numbers in a group"));
    assert!(said(5, 43, &huge).contains("numbers in the last group"));
    assert!(said(5, 47, &[255]).contains("bits of a group's length"));
    assert!(said(5, 10, &[0, 200]).contains("run lengths"));
}

#[test]
fn images_must_have_as_many_points_as_the_grid() {
    for template in [40, 41] {
        let mut message = message();
        let at = section(&message, 5) + 9;
        message[at..at + 2].copy_from_slice(&[0, template]);
        let at = section(&message, 7) + 5;
        message[at..at + 40].fill(0);
        // Width and height: octets 9 and 13 of JPEG 2000, 17 and 21 of PNG.
        let at = at + if template == 40 { 8 } else { 16 };
        message[at..at + 8].fill(0x7f);
        let said = read(&message).unwrap_err().to_string();
        assert!(said.contains("points of an image"), "{said}");
    }
}

#[test]
fn no_byte_of_the_headers_can_end_the_program() {
    let good = message();
    let end = section(&good, 7) + 60;
    for at in 16..end {
        for value in [0, 1, 0x80, 0xff] {
            let mut bad = good.clone();
            bad[at] = value;
            // Some bytes mean nothing to us; what matters is that this returns.
            let _ = read(&bad);
        }
    }
}
