//! Total solar irradiance, year by year.

use crate::Time;
use crate::time::is_leap_year;

/// First point of the table, in fractional years.
const FIRST_YEAR: f64 = 1951.5;

/// Last point of the table, in fractional years.
const LAST_YEAR: f64 = 2034.5;

/// ERA5 lowers the reconstruction to agree with newer observations of the Sun.
const SCALE: f64 = 0.9965;

/// Mid-year irradiance 1951 to 1995 at the mean distance of the Sun, W m-2, before scaling.
///
/// The CMIP5 reconstruction (<https://solarisheppa.geomar.de/solarisheppa/cmip5>) as used by ERA5's IFS 41r2.
const BEFORE_CYCLE: [f64; 45] = [
    1365.7765, 1365.7676, 1365.6284, 1365.6564, 1365.7773, 1366.3109, 1366.6681, 1366.6328,
    1366.3828, 1366.2767, 1365.9199, 1365.7484, 1365.6963, 1365.6976, 1365.7341, 1365.9178,
    1366.1143, 1366.1644, 1366.2476, 1366.2426, 1365.9580, 1366.0525, 1365.7991, 1365.7271,
    1365.5345, 1365.6453, 1365.8331, 1366.2747, 1366.6348, 1366.6482, 1366.6951, 1366.2859,
    1366.1992, 1365.8103, 1365.6416, 1365.6379, 1365.7899, 1366.0826, 1366.6479, 1366.5533,
    1366.4457, 1366.3021, 1366.0286, 1365.7971, 1365.6996,
];

/// The 13 years 1996 to 2008, which repeat afterwards.
const CYCLE: [f64; 13] = [
    1365.6121, 1365.7399, 1366.1021, 1366.3851, 1366.6836, 1366.6022, 1366.6807, 1366.2300,
    1366.0480, 1365.8545, 1365.8107, 1365.7240, 1365.6918,
];

/// Solar irradiance at the mean distance of the Sun in W m-2, as ERA5 has it.
///
/// Linear between mid-years of the table; constant before mid-1951 and after mid-2034.
pub fn total_solar_irradiance(time: Time) -> f64 {
    let position = fractional_year(time).clamp(FIRST_YEAR, LAST_YEAR) - FIRST_YEAR;
    let before = (position.floor() as usize).min((LAST_YEAR - FIRST_YEAR) as usize - 1);
    let weight = position - before as f64;
    let (first, second) = (table(before), table(before + 1));
    SCALE * first + (SCALE * second - SCALE * first) * weight
}

/// Mid-year value of the year 1951 + `index`.
fn table(index: usize) -> f64 {
    match BEFORE_CYCLE.get(index) {
        Some(&value) => value,
        None => CYCLE[(index - BEFORE_CYCLE.len()) % CYCLE.len()],
    }
}

fn fractional_year(time: Time) -> f64 {
    let (year, _, _) = time.date();
    let days = if is_leap_year(year) { 366.0 } else { 365.0 };
    let day = f64::from(time.day_of_year() - 1) + time.second_of_day() as f64 / 86_400.0;
    year as f64 + day / days
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mid_years_are_the_table() {
        let mid_1951 = total_solar_irradiance("1951-07-02T12".parse().unwrap());
        assert!((mid_1951 - SCALE * 1365.7765).abs() < 1e-9);
        // 2009 repeats 1996.
        let mid = |text: &str| total_solar_irradiance(text.parse().unwrap());
        assert!((mid("2009-07-02T12") - SCALE * 1365.6121).abs() < 1e-9);
        assert!((mid("1996-07-02T00") - mid("2009-07-02T12")).abs() < 1e-9);
    }

    #[test]
    fn constant_outside_the_table() {
        let at = |text: &str| total_solar_irradiance(text.parse().unwrap());
        assert_eq!(at("1800-01-01"), SCALE * 1365.7765);
        assert_eq!(at("2034-12-31"), at("2500-01-01"));
        assert!((at("2500-01-01") - SCALE * CYCLE[12]).abs() < 1e-9);
    }
}
