//! One conditional write: the store, and the raw driver.

use std::{
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use oidc_op::{
    Clock, SystemClock,
    store::{Expect, Key, Kind, Put, Record, Store, Version},
};

use crate::{
    TASKS,
    engine::{Engine, Place},
    median,
    raw::{self, Raw},
};

const SLICE: Duration = Duration::from_millis(200);

pub(crate) async fn run(engines: &[Engine], rounds: usize) -> Result<(), Box<dyn Error>> {
    println!("\n| store | tasks | writes/s | raw driver | ratio, median (least–most) |");
    println!("|---|---:|---:|---:|---|");
    for &engine in engines {
        let place = Place::of(engine)?;
        let store = place.open(engine).await?;
        let raw: Option<Arc<dyn Raw>> = raw::open(engine, &place).await?.map(Arc::from);
        let mut writers = Vec::new();
        for task in 0..TASKS[2] {
            writers.push(Writer::new(task, &*store).await?);
        }
        for tasks in TASKS {
            let (mut ours, mut theirs) = (Vec::new(), Vec::new());
            // The first round warms up.
            for round in 0..=rounds {
                let by_store = slice(&mut writers, tasks, Driver::Store(Arc::clone(&store))).await;
                let by_raw = match &raw {
                    Some(raw) => slice(&mut writers, tasks, Driver::Raw(Arc::clone(raw))).await,
                    None => by_store,
                };
                if round > 0 {
                    ours.push(by_store);
                    theirs.push(by_raw);
                }
            }
            let mut ratios: Vec<_> = ours.iter().zip(&theirs).map(|(o, t)| o / t).collect();
            ratios.sort_unstable_by(f64::total_cmp);
            let (ours, theirs) = (median(ours), median(theirs));
            print!("| {engine} | {tasks} | {ours:.0} | ");
            if raw.is_some() {
                let (least, most) = (ratios[0], ratios[ratios.len() - 1]);
                println!("{theirs:.0} | {:.2} ({least:.2}–{most:.2}) |", median(ratios.clone()));
            } else {
                println!("– | – |");
            }
        }
    }
    Ok(())
}

#[derive(Clone)]
enum Driver {
    Store(Arc<dyn Store>),
    Raw(Arc<dyn Raw>),
}

/// Somebody who replaces a record of their own, over and over.
struct Writer {
    task: usize,
    key: Key,
    present: Version,
    count: u64,
}

impl Writer {
    async fn new(task: usize, store: &dyn Store) -> Result<Self, Box<dyn Error>> {
        let mut hash = [0x5a; 32];
        hash[..8].copy_from_slice(&(task as u64).to_be_bytes());
        let mut writer = Self {
            task,
            key: Key::from_parts(Kind::Grant, hash),
            present: version(task, 0),
            count: 0,
        };
        let record = writer.next();
        writer.present = record.version;
        store.put(&writer.key, Expect::Absent { labels: &[] }, record).await?;
        Ok(writer)
    }

    fn next(&mut self) -> Record {
        self.count += 1;
        let until = SystemClock.now() + oidc_op::Duration::DAY;
        Record::new(version(self.task, self.count), vec![b'x'; 1024], until)
    }

    async fn write(&mut self, driver: &Driver) {
        let record = self.next();
        let version = record.version;
        let done = match driver {
            Driver::Store(store) => {
                let put = store.put(&self.key, Expect::Version(self.present), record).await;
                put.expect("the store is well") == Put::Done
            }
            Driver::Raw(raw) => raw.replace(self.task, &self.key, self.present, &record).await,
        };
        assert!(done, "nobody else has this record");
        self.present = version;
    }
}

fn version(task: usize, count: u64) -> Version {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&(task as u64).to_be_bytes());
    bytes[8..].copy_from_slice(&count.to_be_bytes());
    Version::from_bytes(bytes)
}

/// Writes per second.
async fn slice(writers: &mut Vec<Writer>, tasks: usize, driver: Driver) -> f64 {
    let rest = writers.split_off(tasks);
    let ends = Arc::new(AtomicBool::new(false));
    let began = Instant::now();
    let running: Vec<_> = writers
        .drain(..)
        .map(|mut writer| {
            let (driver, ends) = (driver.clone(), Arc::clone(&ends));
            tokio::spawn(async move {
                let first = writer.count;
                while !ends.load(Ordering::Relaxed) {
                    writer.write(&driver).await;
                    // A driver that waits in place would keep all others from it.
                    tokio::task::yield_now().await;
                }
                let written = writer.count - first;
                (writer, written)
            })
        })
        .collect();
    tokio::time::sleep(SLICE).await;
    ends.store(true, Ordering::Relaxed);
    let mut written = 0;
    for writer in running {
        let (writer, count) = writer.await.expect("it does not panic");
        writers.push(writer);
        written += count;
    }
    let written = u32::try_from(written).map_or(f64::INFINITY, f64::from);
    let rate = written / began.elapsed().as_secs_f64();
    writers.extend(rest);
    rate
}
