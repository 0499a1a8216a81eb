//! The study finds what was planted, and says the same however it is run.

use crate::common::world::{AFTERNOON, LAND, LOW, RAIN, STORMS, World, config};
use dropsonde_attribution::{
    Family, FeatureCatalog, FeatureMaps, Phenomenon, Scores, Study, StudyConfig, run_study,
};

fn study(world: &World, config: &StudyConfig) -> Study {
    run_study(&world.inputs(), config, &mut |_, _, _| {}).unwrap()
}

#[test]
fn planted_features_are_found() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::make(directory.path(), 1).unwrap();
    let study = study(&world, &config());
    let planted = [
        (Phenomenon::TropicalLow, LOW),
        (Phenomenon::Land, LAND),
        (Phenomenon::HeavyPrecipitation, RAIN),
        (Phenomenon::DiurnalCycle, AFTERNOON),
    ];
    for (phenomenon, feature) in planted {
        assert_eq!(
            study.scores.feature(phenomenon),
            Some(feature),
            "{phenomenon}"
        );
        let scores = study.scores.get(phenomenon).unwrap();
        let value = |family| scores.family(family).unwrap().report.value.unwrap();
        assert!(
            value(Family::Feature) > 0.85,
            "{phenomenon}: {}",
            value(Family::Feature)
        );
        assert!(
            value(Family::Feature) > value(Family::Neuron) + 0.02,
            "{phenomenon}"
        );
        assert!(
            value(Family::Feature) > value(Family::RandomFeature) + 0.02,
            "{phenomenon}"
        );
        let report = scores.family(Family::Feature).unwrap().report;
        let interval = report.interval.unwrap();
        assert!(interval.low <= value(Family::Feature) && value(Family::Feature) <= interval.high);
    }
    check_details(&study);
    check_catalog(&study, &world);
}

fn check_details(study: &Study) {
    let get = |phenomenon| study.scores.get(phenomenon).unwrap();
    let lows = get(Phenomenon::TropicalLow);
    assert_eq!(lows.report.n_blocks, 2 * STORMS);
    assert!(lows.related_features.unwrap() >= 1);
    let precision = lows
        .family(Family::Feature)
        .unwrap()
        .report
        .average_precision
        .unwrap();
    assert!(precision > 10.0 * lows.report.base_rate(), "{precision}");
    assert_eq!(
        study.scores.sharpest_feature(Phenomenon::TropicalLow),
        Some(LOW)
    );
    assert_eq!(
        study.scores.sharpest_feature(Phenomenon::DiurnalCycle),
        None
    );
    let land = get(Phenomenon::Land);
    assert_eq!(
        land.family(Family::DefiningField).unwrap().report.value,
        Some(1.0)
    );
    assert_eq!(
        land.family(Family::DefiningField).unwrap().candidate.name,
        "land_sea_mask (static)"
    );
    let peak = get(Phenomenon::DiurnalCycle)
        .family(Family::Feature)
        .unwrap()
        .report
        .peak
        .unwrap();
    assert!((peak - 15.0).abs() < 0.3, "{peak}");
    let plumes = get(Phenomenon::MoisturePlume);
    assert!(
        plumes.skipped.as_ref().unwrap().contains("0 positive rows") && plumes.families.is_empty()
    );
    assert!(get(Phenomenon::SeaIce).skipped.is_none());
}

fn check_catalog(study: &Study, world: &World) {
    let catalog = &study.catalog;
    assert_eq!(catalog.features.len() + catalog.n_dead, catalog.n_latents);
    let land = catalog.get(LAND).unwrap();
    assert!(land.land_share > 0.85, "{}", land.land_share);
    assert_eq!(land.correlations[0].field, "land_sea_mask (static)");
    assert!(land.correlations[0].r > 0.95);
    let low = catalog.get(LOW).unwrap();
    assert_eq!(
        low.phenomena.iter().filter(|s| s.p_value.is_some()).count(),
        4
    );
    for event in &low.events {
        let time = event.time;
        let state = world.source.state(time).unwrap();
        let pressure = state
            .plane(&dropsonde_fields::Variable::MEAN_SEA_LEVEL_PRESSURE, None)
            .unwrap();
        let node = world
            .source
            .grid()
            .nearest(f64::from(event.lat), f64::from(event.lon));
        let value = pressure.iter().nth(node).unwrap();
        assert!(*value < 100_900.0, "{event:?} {value}");
    }
    let map = study.maps.map(LOW).unwrap();
    let mean = map.iter().map(|&x| f64::from(x)).sum::<f64>() / map.len() as f64;
    assert!(
        (mean - low.mean).abs() < 1e-9 && (low.mean_active * low.frequency - mean).abs() < 1e-9
    );
    assert_eq!(catalog.best(Phenomenon::TropicalLow, 1)[0].0, LOW);
}

#[test]
fn threads_and_batches_change_nothing_and_files_are_read_back() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::make(directory.path(), 2).unwrap();
    let expected = study(&world, &config());
    let one_thread = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .unwrap();
    let other = directory.path().join("other");
    std::fs::create_dir(&other).unwrap();
    let again = one_thread.install(|| {
        let small = StudyConfig {
            memory_mib: 16,
            ..config()
        };
        study(&World::make(&other, 2).unwrap(), &small)
    });
    assert_eq!(again.catalog, expected.catalog);
    assert_eq!(again.maps, expected.maps);
    assert_eq!(again.scores.phenomena, expected.scores.phenomena);

    let out = directory.path().join("features");
    expected.save(&out).unwrap();
    assert_eq!(
        FeatureCatalog::load(out.join("catalog.json")).unwrap(),
        expected.catalog
    );
    assert_eq!(
        FeatureMaps::load(out.join("maps.npy")).unwrap(),
        expected.maps
    );
    let scores = Scores::load(out.join("scores.json")).unwrap();
    assert_eq!(scores, expected.scores);
    let mut names: Vec<_> = std::fs::read_dir(&out)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["catalog.json", "maps.npy", "scores.json"]);
}

#[test]
fn inputs_that_do_not_belong_together_are_errors() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::make(directory.path(), 3).unwrap();
    let fails = |inputs: dropsonde_attribution::StudyInputs<'_>, config: &StudyConfig| {
        run_study(&inputs, config, &mut |_, _, _| {})
            .unwrap_err()
            .to_string()
    };
    let other = dropsonde_sae::Sae::random(dropsonde_sae::SaeConfig::new(8, 16, 2), 1).unwrap();
    let error = fails(
        dropsonde_attribution::StudyInputs {
            sae: &other,
            ..world.inputs()
        },
        &config(),
    );
    assert!(
        error.contains("expected 24, found 8") && error.contains("hint:"),
        "{error}"
    );
    let grid = dropsonde_mesh::LatLonGrid::with_poles(10.0).unwrap();
    let graph = dropsonde_mesh::Graph::build(grid, &dropsonde_mesh::GraphConfig::new(3)).unwrap();
    let error = fails(
        dropsonde_attribution::StudyInputs {
            graph: &graph,
            ..world.inputs()
        },
        &config(),
    );
    assert!(error.contains("19 x 36"), "{error}");
    let bad = StudyConfig {
        resamples: 1,
        ..config()
    };
    assert!(fails(world.inputs(), &bad).contains("`resamples` = 1"));
    let error = FeatureCatalog::load(directory.path().join("none.json"))
        .unwrap_err()
        .to_string();
    assert!(error.contains("none.json"), "{error}");
    let path = directory.path().join("bad.json");
    std::fs::write(&path, "{\"format\": 1").unwrap();
    let error = FeatureCatalog::load(&path).unwrap_err().to_string();
    assert!(
        error.contains("bad.json") && error.contains("feature catalogue"),
        "{error}"
    );
}
