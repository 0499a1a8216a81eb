//! Ocean basins and seasons, for counting storms.

use serde::Serialize;

/// The basin that a storm forms in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basin {
    /// North of the equator, 30 to 100 degrees east.
    NorthIndian,
    /// North of the equator, 100 to 180 degrees east.
    WesternNorthPacific,
    /// North of the equator, from 180 degrees to the Americas.
    EasternNorthPacific,
    /// North of the equator, from the Americas to 30 degrees east.
    NorthAtlantic,
    /// South of the equator, 20 to 135 degrees east.
    SouthIndian,
    /// South of the equator, from 135 degrees east to 70 degrees west.
    SouthPacific,
    /// South of the equator, from 70 degrees west to 20 degrees east.
    SouthAtlantic,
}

/// Two points (degrees north, degrees east) of the straight line that stands for Central America; beyond them the
/// longitude of the nearer one counts.
const CENTRAL_AMERICA: [(f64, f64); 2] = [(8.0, 283.0), (20.0, 260.0)];

impl Basin {
    /// All basins, northern ones first.
    pub const ALL: [Self; 7] = [
        Self::NorthIndian,
        Self::WesternNorthPacific,
        Self::EasternNorthPacific,
        Self::NorthAtlantic,
        Self::SouthIndian,
        Self::SouthPacific,
        Self::SouthAtlantic,
    ];

    /// The basin of a place in degrees; any turn of longitude. The equator counts as north.
    pub fn of(lat: f64, lon: f64) -> Self {
        let lon = lon.rem_euclid(360.0);
        if lat < 0.0 {
            return match lon {
                20.0..135.0 => Self::SouthIndian,
                135.0..290.0 => Self::SouthPacific,
                _ => Self::SouthAtlantic,
            };
        }
        match lon {
            30.0..100.0 => Self::NorthIndian,
            100.0..180.0 => Self::WesternNorthPacific,
            _ if lon >= 180.0 && lon < american_longitude(lat) => Self::EasternNorthPacific,
            _ => Self::NorthAtlantic,
        }
    }

    /// Its name in English.
    pub fn name(self) -> &'static str {
        match self {
            Self::NorthIndian => "North Indian",
            Self::WesternNorthPacific => "western North Pacific",
            Self::EasternNorthPacific => "eastern North Pacific",
            Self::NorthAtlantic => "North Atlantic",
            Self::SouthIndian => "South Indian",
            Self::SouthPacific => "South Pacific",
            Self::SouthAtlantic => "South Atlantic",
        }
    }

    /// Whether it lies north of the equator.
    pub fn is_northern(self) -> bool {
        !matches!(
            self,
            Self::SouthIndian | Self::SouthPacific | Self::SouthAtlantic
        )
    }
}

/// Where the Atlantic begins at a latitude, in degrees east.
fn american_longitude(lat: f64) -> f64 {
    let [(south, east), (north, west)] = CENTRAL_AMERICA;
    let share = ((lat - south) / (north - south)).clamp(0.0, 1.0);
    east + share * (west - east)
}

/// Three months.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Season {
    /// December to February.
    DecemberToFebruary,
    /// March to May.
    MarchToMay,
    /// June to August.
    JuneToAugust,
    /// September to November.
    SeptemberToNovember,
}

impl Season {
    /// All four, December to February first.
    pub const ALL: [Self; 4] = [
        Self::DecemberToFebruary,
        Self::MarchToMay,
        Self::JuneToAugust,
        Self::SeptemberToNovember,
    ];

    /// The months, from 1.
    pub fn months(self) -> [u32; 3] {
        match self {
            Self::DecemberToFebruary => [12, 1, 2],
            Self::MarchToMay => [3, 4, 5],
            Self::JuneToAugust => [6, 7, 8],
            Self::SeptemberToNovember => [9, 10, 11],
        }
    }

    /// Such as `Dec-Feb`.
    pub fn name(self) -> &'static str {
        match self {
            Self::DecemberToFebruary => "Dec-Feb",
            Self::MarchToMay => "Mar-May",
            Self::JuneToAugust => "Jun-Aug",
            Self::SeptemberToNovember => "Sep-Nov",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_everybody_knows() {
        let cases = [
            (25.0, 270.0, Basin::NorthAtlantic),       // Gulf of Mexico
            (15.0, -75.0, Basin::NorthAtlantic),       // Caribbean
            (11.0, 280.0, Basin::NorthAtlantic),       // off Panama's north coast
            (7.0, 279.0, Basin::EasternNorthPacific),  // off its south coast
            (15.0, 258.0, Basin::EasternNorthPacific), // off Acapulco
            (15.0, 182.0, Basin::EasternNorthPacific),
            (12.0, 345.0, Basin::NorthAtlantic), // Cape Verde
            (15.0, 88.0, Basin::NorthIndian),    // Bay of Bengal
            (15.0, 115.0, Basin::WesternNorthPacific), // South China Sea
            (-17.0, 60.0, Basin::SouthIndian),   // Reunion
            (-18.0, 150.0, Basin::SouthPacific), // Coral Sea
            (-25.0, 315.0, Basin::SouthAtlantic), // off Brazil
            (0.0, -170.0, Basin::EasternNorthPacific),
        ];
        for (lat, lon, expected) in cases {
            assert_eq!(Basin::of(lat, lon), expected, "{lat} {lon}");
            assert_eq!(Basin::of(lat, lon + 360.0), expected);
            assert_eq!(expected.is_northern(), lat >= 0.0);
        }
    }

    #[test]
    fn every_month_is_in_one_season() {
        for month in 1..=12 {
            let n = Season::ALL
                .iter()
                .filter(|season| season.months().contains(&month))
                .count();
            assert_eq!(n, 1, "{month}");
        }
    }
}
