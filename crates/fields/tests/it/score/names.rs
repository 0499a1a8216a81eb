//! Names of what can be scored.

use dropsonde_fields::{ScoreTarget, Variable};

#[test]
fn headline_has_the_names_of_weatherbench() {
    let names: Vec<String> = ScoreTarget::headline()
        .iter()
        .map(ToString::to_string)
        .collect();
    let expected = [
        "z500", "t850", "q700", "wind850", "t2m", "ws10", "msl", "tp24h",
    ];
    assert_eq!(names, expected);
}

#[test]
fn text_and_back() {
    let mut targets = ScoreTarget::headline();
    targets.extend([
        ScoreTarget::on_level(Variable::U_WIND, 10),
        ScoreTarget::on_level(Variable::V_WIND, 850),
        ScoreTarget::on_level(Variable::new("relative_humidity"), 700),
        ScoreTarget::surface(Variable::U_WIND_10M),
        ScoreTarget::surface(Variable::TOTAL_PRECIPITATION_6HR),
        ScoreTarget::surface(Variable::new("2m_dewpoint_temperature")),
    ]);
    for target in targets {
        assert_eq!(target.to_string().parse::<ScoreTarget>().unwrap(), target);
        let json = serde_json::to_string(&target).unwrap();
        assert_eq!(serde_json::from_str::<ScoreTarget>(&json).unwrap(), target);
    }
    for (long, short) in [
        ("geopotential@500", "z500"),
        ("u_component_of_wind@850", "u850"),
        ("u_component_of_wind@10", "u_component_of_wind@10"),
        ("2m_temperature", "t2m"),
        ("mslp", "msl"),
        ("10m_wind_speed", "ws10"),
        ("total_precipitation_24hr", "tp24h"),
    ] {
        assert_eq!(long.parse::<ScoreTarget>().unwrap().to_string(), short);
    }
}

#[test]
fn what_is_not_a_target_is_told_what_is() {
    for text in [
        "",
        "z",
        "z0",
        "z+500",
        "500",
        "wind",
        "temprature@850",
        "temperature",
        "temperature@",
        "temperature@x",
        "2m_temperature@850",
        "t99999999999",
        "WS10",
    ] {
        let error = text.parse::<ScoreTarget>().unwrap_err().to_string();
        for known in ["z500", "tp24h", "temperature@850", "2m_temperature"] {
            assert!(error.contains(known), "{text}: {error}");
        }
    }
}
