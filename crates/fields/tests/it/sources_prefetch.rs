//! Reading ahead.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::stores::server::Server;
use crate::stores::{fixture, impatient, time};
use dropsonde_fields::{Source, Variable};

#[test]
fn states_come_in_order() {
    let source = Arc::new(Source::open(fixture("weatherbench.zarr")).unwrap());
    let variables = vec![Variable::TEMPERATURE, Variable::SURFACE_PRESSURE];
    let mut times = source.times().to_vec();
    times.reverse();
    for depth in [0, 1, 2, 100] {
        let states = source.prefetch(times.clone(), variables.clone(), depth);
        let states: Vec<_> = states.collect::<Result<_, _>>().unwrap();
        assert_eq!(states.len(), times.len());
        for (state, &time) in states.iter().zip(&times) {
            assert_eq!(*state, source.state_of(time, &variables).unwrap());
        }
    }
}

#[test]
fn an_error_is_the_last_item() {
    let source = Arc::new(Source::open(fixture("weatherbench.zarr")).unwrap());
    let times = vec![source.times()[0], time("1999-01-01"), source.times()[1]];
    let mut states = source.prefetch(times, vec![Variable::TEMPERATURE], 2);
    assert!(states.next().unwrap().is_ok());
    assert!(states.next().unwrap().is_err());
    assert!(states.next().is_none());
    assert!(source.prefetch(Vec::new(), Vec::new(), 1).next().is_none());
}

#[test]
fn dropping_it_early_stops_the_reading() {
    let server = Server::faulty(&fixture("weatherbench.zarr"), |path, _| {
        let is_chunk = path.contains("2m_temperature/") && !path.contains(".z");
        is_chunk
            .then(|| std::thread::sleep(Duration::from_millis(30)))
            .and(None)
    });
    let source = Arc::new(Source::open_with(server.url(), impatient()).unwrap());
    let times = source.times().repeat(50);
    let mut states = source.prefetch(times, vec![Variable::TEMPERATURE_2M], 1);
    states.next().unwrap().unwrap();
    drop(states);
    // The thread lets go of the source soon: after the state in its hand, not after 200 of them.
    let start = Instant::now();
    while Arc::strong_count(&source) > 1 {
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "the thread goes on"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    let n_chunks = server
        .log()
        .iter()
        .filter(|request| request.contains("2m_temperature/"))
        .count();
    assert!(n_chunks < 20, "{n_chunks}");
}

#[test]
fn sources_can_be_shared_between_threads() {
    fn shared<T: Send + Sync + 'static>(_: &T) {}
    let source = Source::open(fixture("climate_data_store.nc")).unwrap();
    shared(&source);
}
