//! Small GRIB2 messages: temperature at 500 hPa on a grid of 3 by 4 points.
//!
//! Written from WMO-No. 306, FM 92 GRIB edition 2; the names of the templates are given where they are used.

const N_POINTS: u32 = 12;

/// How the numbers are packed.
#[derive(Clone, Copy)]
pub enum Packing {
    /// Template 5.0.
    Simple,
    /// Template 5.3, one group, differences of first order.
    ComplexWithDifferences,
}

/// A whole message.
pub fn message(packing: Packing) -> Vec<u8> {
    let (representation, data) = match packing {
        Packing::Simple => simple(),
        Packing::ComplexWithDifferences => complex(),
    };
    // No bit map.
    let sections = [
        section(1, &identification()),
        section(3, &grid()),
        section(4, &product()),
        section(5, &representation),
        section(6, &[255]),
        section(7, &data),
    ];
    let body = sections.concat();
    let length = 16 + body.len() as u64 + 4;
    [
        &b"GRIB\0\0\0\x02"[..],
        &length.to_be_bytes(),
        &body,
        b"7777",
    ]
    .concat()
}

fn section(number: u8, contents: &[u8]) -> Vec<u8> {
    let length = 5 + contents.len() as u32;
    [&length.to_be_bytes()[..], &[number], contents].concat()
}

/// NCEP, 2022-11-08T00, an analysis.
fn identification() -> Vec<u8> {
    vec![0, 7, 0, 0, 2, 1, 1, 0x07, 0xe6, 11, 8, 0, 0, 0, 0, 0]
}

/// Template 3.0: poles and equator, every 90 degrees of longitude.
fn grid() -> Vec<u8> {
    let mut bytes = vec![0];
    bytes.extend(N_POINTS.to_be_bytes());
    bytes.extend([0, 0, 0, 0, 6]);
    bytes.extend([0; 15]);
    for number in [4_u32, 3, 0, u32::MAX, 90_000_000, 0] {
        bytes.extend(number.to_be_bytes());
    }
    bytes.push(0x30);
    // South is a sign bit.
    for number in [
        (1 << 31) | 90_000_000,
        270_000_000_u32,
        90_000_000,
        90_000_000,
    ] {
        bytes.extend(number.to_be_bytes());
    }
    bytes.push(0);
    bytes
}

/// Template 4.0: temperature on an isobaric surface of 50,000 Pa, lead 0.
fn product() -> Vec<u8> {
    let mut bytes = vec![0, 0, 0, 0, 0, 0, 2, 0, 96, 0, 0, 0, 1, 0, 0, 0, 0];
    bytes.extend([100, 0]);
    bytes.extend(50_000_u32.to_be_bytes());
    bytes.extend([255; 6]);
    bytes
}

/// Sections 5 and 7: 250 K and one more at every point.
fn simple() -> (Vec<u8>, Vec<u8>) {
    (representation(0, &[0]), (0..N_POINTS as u8).collect())
}

fn complex() -> (Vec<u8>, Vec<u8>) {
    // Groups: method, missing values, their number, widths, lengths, order and bytes of the first values.
    let mut rest = vec![0, 1, 0];
    rest.extend([0xff; 8]);
    rest.extend(1_u32.to_be_bytes());
    rest.extend([0, 8]);
    rest.extend(N_POINTS.to_be_bytes());
    rest.push(1);
    rest.extend(N_POINTS.to_be_bytes());
    rest.extend([8, 1, 2]);
    // First value 5, smallest difference 1; reference, width and length of the group; numbers of 4 bits.
    let data = vec![0, 5, 0, 1, 0, 4, 0, 0x01, 0x02, 0x03, 0x01, 0x02, 0x03];
    (representation(3, &rest), data)
}

/// What all templates begin with: reference 250, no scale factors, 8 bits.
fn representation(template: u16, rest: &[u8]) -> Vec<u8> {
    let mut bytes = N_POINTS.to_be_bytes().to_vec();
    bytes.extend(template.to_be_bytes());
    bytes.extend(250.0_f32.to_be_bytes());
    bytes.extend([0, 0, 0, 0, 8]);
    bytes.extend(rest);
    bytes
}
