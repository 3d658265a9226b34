//! A full disk: the program stays up, answers from what it has, takes samples again once there is
//! room, and starts on a full disk.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use common_testkit::{Answer, FakeTarget, Tree};

use crate::support::child::{Program, config, job};
use crate::support::{PATIENCE, eventually};

const INTERVAL: Duration = Duration::from_millis(250);

/// A file system of its own, unmounted with the value.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// None where mounting is not permitted.
    fn mount(at: PathBuf) -> Option<SmallDisk> {
        std::fs::create_dir(&at).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=400k", "none"]).arg(&at);
        let mounted = mount.stderr(Stdio::null()).status().is_ok_and(|status| status.success());
        mounted.then_some(SmallDisk(at))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// Writes until nothing fits any more.
fn fill(path: &Path) {
    let mut file = File::create(path).unwrap();
    let error = std::iter::repeat_with(|| file.write_all(&[0; 512])).find_map(Result::err).unwrap();
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_stops_neither_the_program_nor_its_start() {
    let tree = Tree::new();
    let Some(disk) = SmallDisk::mount(tree.join("data")) else {
        eprintln!("skipped: no permission to mount");
        return;
    };
    let junk = disk.0.join("junk");
    let target =
        FakeTarget::start([("/metrics", Answer::Each(|n| format!("answers {n}\n")))]).await;
    let address = target.address().to_string();
    tree.write("prometheus.yml", config(INTERVAL, &[job("t", &address, "/metrics")]));

    let mut program = Program::hearth(&["server"], tree.path()).await;
    let api = program.api.clone();
    let count = async || {
        let series = api.samples("answers[1h]", None).await?;
        Ok::<usize, String>(series.values().map(|points| points.len()).sum())
    };
    let more_than = async |least: usize, what: &str| {
        eventually(what, PATIENCE, async || match count().await? {
            count if count > least => Ok(count),
            count => Err(format!("{count} samples")),
        })
        .await
    };
    let before = more_than(3, "samples are taken").await;

    fill(&junk);
    let asked = target.seen().len();
    eventually("the target is asked while the disk is full", PATIENCE, async || {
        let more = target.seen().len() - asked;
        if more > 8 { Ok(()) } else { Err(format!("{more} times")) }
    })
    .await;
    assert!(program.is_alive());
    let full = count().await.unwrap();
    assert!(full >= before, "{before} samples before, {full} with a full disk");

    std::fs::remove_file(&junk).unwrap();
    let healed = more_than(full, "samples are taken again").await;

    let kept = api.samples("answers[1h]", None).await.unwrap();
    fill(&junk);
    program.kill();
    let mut program = Program::hearth(&["server"], tree.path()).await;
    let now = program.api.samples("answers[1h]", None).await.unwrap();
    for (series, points) in &kept {
        for (time, value) in points {
            assert_eq!(now[series].get(time), Some(value), "at {time} of {healed} samples");
        }
    }
    assert!(program.is_alive());
}
