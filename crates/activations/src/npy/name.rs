//! What the published tools put into the names of their files.

use std::path::Path;

/// Site, node set and time of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    /// As in [`LatentsMeta::site`](crate::LatentsMeta::site); the text itself where it is none of ours.
    pub(super) site: String,
    pub(super) node_set: String,
    /// Seconds since 1970-01-01 UTC.
    pub(super) time: i64,
}

impl Name {
    /// Reads `layer0008_mesh_gnn_post_res_nodes_mesh_nodes_t2021-09-28T06.npy`; `T06-00` and `T06:00` are hours too.
    ///
    /// # Source
    /// The saving code of <https://github.com/theodoremacmillan/graphcast>, as it is called in
    /// <https://github.com/mathaim/climate_xai> (`extraction/extract_activations_batch.py`).
    pub(super) fn parse(path: &Path) -> Option<Self> {
        let stem = path.file_stem()?.to_str()?;
        let (place, time) = stem.rsplit_once("_t")?;
        let (layer, place) = place.strip_prefix("layer")?.split_once('_')?;
        let layer: u8 = layer.parse().ok()?;
        let (place, node_set) = place.split_once("_nodes_")?;
        let site = match (place, layer) {
            ("mesh_gnn_post_res", step) => format!("processor/{step:02}"),
            ("grid2mesh_gnn_post_res", 0) if node_set == "mesh_nodes" => "encoder".to_owned(),
            _ => format!("layer{layer:04}_{place}"),
        };
        Some(Self {
            site,
            node_set: node_set.to_owned(),
            time: seconds(time)?,
        })
    }
}

/// `YYYY-MM-DDTHH`, with or without minutes and seconds, in UTC.
fn seconds(text: &str) -> Option<i64> {
    let (date, clock) = text.split_once('T')?;
    let numbers = |text: &str, separators: &[char]| -> Option<Vec<i64>> {
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        let number = |part: &str| part.parse().ok().filter(|_| digits(part));
        text.split(separators).map(number).collect()
    };
    let [year, month, day] = numbers(date, &['-'])?[..] else {
        return None;
    };
    let clock = numbers(clock, &['-', ':'])?;
    let part = |i: usize| clock.get(i).copied().unwrap_or(0);
    let (hour, minute, second) = (part(0), part(1), part(2));
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let n_days = match month {
        2 => 28 + i64::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    let valid = clock.len() <= 3
        && (1..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=n_days).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    valid.then(|| 86_400 * days(year, month, day) + 3600 * hour + 60 * minute + second)
}

/// Days since 1970-01-01 in the Gregorian calendar; years begin in March, so that leap days come last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = match month {
        1 | 2 => (year - 1, month + 9),
        _ => (year, month - 3),
    };
    let leap_days = year / 4 - year / 100 + year / 400;
    365 * year + leap_days + (153 * month + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Option<(String, String, i64)> {
        Name::parse(Path::new(text)).map(|n| (n.site, n.node_set, n.time))
    }

    #[test]
    fn names_of_the_published_tools() {
        // `date -u -d 2021-09-28T06 +%s` gives 1632808800.
        let expected = |site: &str| {
            let parts = (site.to_owned(), "mesh_nodes".to_owned(), 1_632_808_800);
            Some(parts)
        };
        for time in ["T06", "T06-00", "T06:00", "T06-00-00"] {
            let text =
                format!("a/layer0008_mesh_gnn_post_res_nodes_mesh_nodes_t2021-09-28{time}.npy");
            assert_eq!(name(&text), expected("processor/08"), "{text}");
        }
        let with = |place: &str| name(&format!("{place}_nodes_mesh_nodes_t2021-09-28T06.npy"));
        assert_eq!(
            with("layer0000_grid2mesh_gnn_post_res"),
            expected("encoder")
        );
        let other = "layer0003_mesh_gnn_pre_res";
        assert_eq!(with(other), expected(other));
    }

    #[test]
    fn other_names_and_impossible_times() {
        for text in [
            "rows.npy",
            "layer8.npy",
            "layer0008_mesh_gnn_t2021-09-28T06.npy",
        ] {
            assert_eq!(name(text), None, "{text}");
        }
        for time in [
            "2021-09-31T06",
            "2021-02-29T06",
            "2021-09-28T24",
            "2021-09-28",
            "2021-09T06",
            "2021-09-28T",
            "2021-09-28T+6",
            "2021-09-28T06-00-00-00",
            "0000-01-01T00",
        ] {
            assert_eq!(seconds(time), None, "{time}");
        }
    }

    #[test]
    fn days_follow_each_other() {
        assert_eq!(seconds("1970-01-01T00"), Some(0));
        assert_eq!(seconds("2000-02-29T12"), Some(951_825_600));
        assert_eq!(seconds("1979-01-01T00"), Some(283_996_800));
        assert_eq!(days(2100, 3, 1) - days(2100, 2, 28), 1);
        assert_eq!(days(2024, 1, 1) - days(2023, 1, 1), 365);
    }
}
