//! The shuffle of data that do not fit into memory: the same order, the same after a kill, nothing left behind.

use std::collections::HashSet;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use dropsonde_activations::{
    Error, Precision, Result, Rows, Shuffle, ShuffleConfig, ShufflePosition,
};

const WIDTH: usize = 3;
const ROW_BYTES: usize = 4 * WIDTH;

/// Records of different lengths; a row holds its record, its number in it and their sum.
#[derive(Clone)]
struct Numbered {
    path: PathBuf,
    lengths: Vec<usize>,
    version: u32,
}

impl Numbered {
    fn new(directory: &Path) -> Self {
        let lengths = vec![700, 1, 1900, 1300, 2562, 1000];
        Self {
            path: directory.join("data"),
            lengths,
            version: 1,
        }
    }

    fn all(&self) -> Vec<usize> {
        (0..self.lengths.len()).collect()
    }
}

impl Rows for Numbered {
    fn width(&self) -> usize {
        WIDTH
    }

    fn n_records(&self) -> usize {
        self.lengths.len()
    }

    fn n_rows(&self, record: usize) -> usize {
        self.lengths[record]
    }

    fn precision(&self) -> Precision {
        Precision::F32
    }

    fn path(&self) -> &Path {
        &self.path
    }

    fn stamp(&self) -> String {
        self.version.to_string()
    }

    fn read_rows_into(&self, record: usize, first_row: usize, out: &mut [f32]) -> Result<()> {
        assert!(first_row + out.len() / WIDTH <= self.lengths[record]);
        for (i, row) in out.chunks_exact_mut(WIDTH).enumerate() {
            let row_number = (first_row + i) as f32;
            row.copy_from_slice(&[record as f32, row_number, record as f32 + row_number]);
        }
        Ok(())
    }
}

fn config(memory_rows: usize) -> ShuffleConfig {
    ShuffleConfig {
        seed: 5,
        batch_rows: 200,
        memory_bytes: memory_rows * ROW_BYTES,
        scratch: None,
    }
}

type Batch = Vec<(usize, usize)>;

fn next(shuffle: &mut Shuffle) -> Option<Batch> {
    let batch = shuffle.next_batch().unwrap()?;
    let row = |row: &[f32]| {
        assert_eq!(row[0] + row[1], row[2], "rows stay whole");
        (row[0] as usize, row[1] as usize)
    };
    Some(batch.chunks(WIDTH).map(row).collect())
}

fn epoch(shuffle: &mut Shuffle) -> Vec<Batch> {
    std::iter::from_fn(|| next(shuffle)).collect()
}

#[test]
fn the_budget_decides_how_rows_are_read_and_not_their_order() {
    let dir = tempfile::tempdir().unwrap();
    let rows = Numbered::new(dir.path());
    let mut whole = Shuffle::new(&rows, &rows.all(), config(1 << 20)).unwrap();
    assert!(whole.is_in_memory());
    let expected = [epoch(&mut whole), epoch(&mut whole)];
    assert_ne!(expected[0], expected[1]);
    for memory_rows in [600, 1500, 4000, 7000] {
        let mut shuffle = Shuffle::new(&rows, &rows.all(), config(memory_rows)).unwrap();
        assert!(!shuffle.is_in_memory());
        for expected in &expected {
            assert_eq!(&epoch(&mut shuffle), expected, "{memory_rows}");
        }
        drop(shuffle);
        assert!(!dir.path().join("data.shuffle").exists());
    }
    let seen: HashSet<(usize, usize)> = expected[0].iter().flatten().copied().collect();
    assert_eq!(seen.len(), rows.lengths.iter().sum::<usize>());
    assert_eq!(expected[0].iter().map(Vec::len).sum::<usize>(), seen.len());
    let sizes: HashSet<usize> = expected[0].iter().map(Vec::len).collect();
    assert!(sizes.len() <= 2 && sizes.iter().all(|n| (190..=200).contains(n)));
}

/// Largest difference between the distribution of places (as shares of the epoch) and the uniform one.
fn distance_from_uniform(places: &[f64]) -> f64 {
    let n = places.len() as f64;
    let at = |(i, place): (usize, &f64)| (place - i as f64 / n).max((i + 1) as f64 / n - place);
    places.iter().enumerate().map(at).fold(0.0, f64::max)
}

/// The largest of these distances over all records but the one of a single row, times the square root of its rows.
fn worst_spread(rows: &Numbered, order: &[(usize, usize)]) -> f64 {
    let spread = |record: usize| {
        let of_record = order.iter().enumerate().filter(|(_, row)| row.0 == record);
        let places: Vec<f64> = of_record
            .map(|(i, _)| (i as f64 + 0.5) / order.len() as f64)
            .collect();
        distance_from_uniform(&places) * (places.len() as f64).sqrt()
    };
    let records = rows.all().into_iter().filter(|&r| rows.lengths[r] > 1);
    records.map(spread).fold(0.0, f64::max)
}

#[test]
fn rows_of_one_record_are_spread_over_the_whole_epoch() {
    let dir = tempfile::tempdir().unwrap();
    let rows = Numbered::new(dir.path());
    let mut shuffle = Shuffle::new(&rows, &rows.all(), config(900)).unwrap();
    for _ in 0..3 {
        let order = epoch(&mut shuffle).concat();
        // Kolmogorov's statistic of a uniform order exceeds 2 with probability 0.0007.
        let spread = worst_spread(&rows, &order);
        assert!(spread < 2.0, "{spread}");
        // Neighbours in the order are no more often of one record than chance has it.
        let same = order.windows(2).filter(|pair| pair[0].0 == pair[1].0);
        let n = order.len() as f64;
        let chance: f64 = rows.lengths.iter().map(|&l| (l as f64 / n).powi(2)).sum();
        let share = same.count() as f64 / (n - 1.0);
        assert!((share - chance).abs() < 0.03, "{share} {chance}");
    }
    // As the published tools do it, file after file with its rows permuted: far from it.
    let within_files: Vec<(usize, usize)> = rows
        .all()
        .into_iter()
        .flat_map(|record| (0..rows.lengths[record]).map(move |row| (record, row)))
        .collect();
    assert!(worst_spread(&rows, &within_files) > 20.0);
}

/// Every file below a directory.
fn files(path: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| match path.is_dir() {
            true => files(&path),
            false => vec![path],
        })
        .collect()
}

/// Copies what is there at the moment; the thread that reads ahead may remove a bucket meanwhile.
fn copy(from: &Path, to: &Path) {
    for file in files(from) {
        let target = to.join(file.strip_prefix(from).unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        match fs::copy(file, target) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            copied => assert!(copied.is_ok(), "{copied:?}"),
        }
    }
}

#[test]
fn what_a_killed_run_left_is_used_or_made_again() {
    let dir = tempfile::tempdir().unwrap();
    let rows = Numbered::new(dir.path());
    let scratch = dir.path().join("data.shuffle");
    let start = || Shuffle::new(&rows, &rows.all(), config(1500)).unwrap();
    let mut whole = start();
    let expected = epoch(&mut whole);
    drop(whole);
    let stop = 20;
    let left = dir.path().join("left");
    let mut killed = start();
    for batch in &expected[..stop] {
        assert_eq!(next(&mut killed).as_ref(), Some(batch));
    }
    let position = killed.position();
    copy(&scratch, &left);
    drop(killed);
    let buckets: Vec<PathBuf> = files(&left)
        .into_iter()
        .filter(|file| file.to_string_lossy().contains("bucket-"))
        .collect();
    let last = buckets.iter().max().unwrap();
    let marker = last.with_file_name("complete");
    let cut = |path: &Path| {
        let bytes = fs::read(path).unwrap();
        fs::write(path, &bytes[..bytes.len() - 7]).unwrap();
    };
    let damages: [(&str, &dyn Fn()); 6] = [
        ("nothing", &|| {}),
        ("a bucket cut off", &|| cut(last)),
        ("a bucket gone", &|| fs::remove_file(last).unwrap()),
        ("marker of something else", &|| {
            fs::write(&marker, "x").unwrap();
        }),
        ("marker gone", &|| fs::remove_file(&marker).unwrap()),
        ("everything gone", &|| fs::remove_dir_all(&left).unwrap()),
    ];
    for (what, damage) in damages {
        damage();
        if left.exists() {
            copy(&left, &scratch);
        }
        let mut again = start();
        again.seek(position).unwrap();
        let rest: Vec<Batch> = epoch(&mut again);
        assert_eq!(rest, expected[stop..], "{what}");
        drop(again);
        assert!(!scratch.exists(), "{what}");
    }
}

#[test]
fn files_of_other_data_are_not_used() {
    let dir = tempfile::tempdir().unwrap();
    let rows = Numbered::new(dir.path());
    let scratch = dir.path().join("data.shuffle");
    let mut first = Shuffle::new(&rows, &rows.all(), config(1500)).unwrap();
    next(&mut first).unwrap();
    let left = dir.path().join("left");
    copy(&scratch, &left);
    drop(first);
    // The bytes say which version wrote them: the sum of a row is wrong in a bucket of the other.
    for file in files(&left) {
        if file.to_string_lossy().contains("bucket-") {
            let mut bytes = fs::read(&file).unwrap();
            bytes
                .chunks_mut(4 + ROW_BYTES)
                .for_each(|row| row[12..].fill(0x3f));
            fs::write(&file, bytes).unwrap();
        }
    }
    copy(&left, &scratch);
    let other = Numbered { version: 2, ..rows };
    let mut shuffle = Shuffle::new(&other, &other.all(), config(1500)).unwrap();
    assert_eq!(
        epoch(&mut shuffle).concat().len(),
        other.lengths.iter().sum::<usize>()
    );
}

#[test]
fn two_shuffles_do_not_share_a_directory() {
    let dir = tempfile::tempdir().unwrap();
    let rows = Numbered::new(dir.path());
    let mut first = Shuffle::new(&rows, &rows.all(), config(1500)).unwrap();
    next(&mut first).unwrap();
    let mut second = Shuffle::new(&rows, &rows.all(), config(1500)).unwrap();
    let said = second.next_batch().unwrap_err();
    assert!(matches!(said, Error::InUse { .. }), "{said}");
    let own = ShuffleConfig {
        scratch: Some(dir.path().join("own/deeper")),
        ..config(1500)
    };
    let mut third = Shuffle::new(&rows, &rows.all(), own).unwrap();
    assert_eq!(next(&mut third), {
        drop(first);
        next(&mut second)
    });
}

#[test]
fn a_budget_too_small_for_so_many_rows_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let rows = Numbered::new(dir.path());
    let said = Shuffle::new(&rows, &rows.all(), config(60)).err().unwrap();
    assert!(said.to_string().contains("`memory_bytes`"), "{said}");
    // The figure that the message asks for is enough.
    let digits = said.to_string();
    let asked = digits.split("about ").nth(1).unwrap();
    let asked: usize = asked.split(' ').next().unwrap().parse().unwrap();
    let enough = ShuffleConfig {
        memory_bytes: asked,
        ..config(0)
    };
    let mut shuffle = Shuffle::new(&rows, &rows.all(), enough).unwrap();
    assert!(!shuffle.is_in_memory());
    let n: usize = epoch(&mut shuffle).iter().map(Vec::len).sum();
    assert_eq!(n, rows.lengths.iter().sum::<usize>());
}

const CHILD: &str = "DROPSONDE_TEST_SHUFFLE_IN";

/// Run by the test below in a process of its own: shuffles until it is killed.
#[test]
fn endless_child() {
    let Some(directory) = std::env::var_os(CHILD) else {
        return;
    };
    let rows = Numbered::new(Path::new(&directory));
    let mut shuffle = Shuffle::new(&rows, &rows.all(), config(900)).unwrap();
    loop {
        next(&mut shuffle);
        let ShufflePosition { epoch, batch } = shuffle.position();
        println!("\nat {epoch} {batch}");
    }
}

#[test]
fn a_process_killed_anywhere_goes_on_with_the_same_batches() {
    let dir = tempfile::tempdir().unwrap();
    let rows = Numbered::new(dir.path());
    let mut whole = Shuffle::new(&rows, &rows.all(), config(1 << 20)).unwrap();
    let expected = [epoch(&mut whole), epoch(&mut whole), epoch(&mut whole)];
    let per_epoch = whole.n_batches();
    for calls in [0, 1, 2, 9, 30, per_epoch - 1, per_epoch + 1, 2 * per_epoch] {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "buckets::endless_child", "--nocapture"])
            .env(CHILD, dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let places = lines.filter_map(|line| {
            let line = line.unwrap();
            let (epoch, batch) = line.strip_prefix("at ")?.split_once(' ')?;
            let position = ShufflePosition {
                epoch: epoch.parse().unwrap(),
                batch: batch.parse().unwrap(),
            };
            Some(position)
        });
        // Without a batch it is killed during the first pass, or before it.
        let position = places.take(calls).last().unwrap_or_default();
        child.kill().unwrap();
        child.wait().unwrap();
        let mut again = Shuffle::new(&rows, &rows.all(), config(900)).unwrap();
        again.seek(position).unwrap();
        let rest = epoch(&mut again);
        let of_epoch = &expected[position.epoch as usize];
        assert_eq!(rest, of_epoch[position.batch..], "after {calls} calls");
        drop(again);
        assert!(!dir.path().join("data.shuffle").exists());
    }
}
