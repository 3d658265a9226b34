//! Programs whose files change are loaded again, without a signal.

use super::Daemon;

#[test]
fn programs_follow_their_files() {
    let daemon = Daemon::start("counter a\n/x/ {\n  a++\n}\n", &[]);
    let programs = daemon.path("programs");
    daemon.write("x\n");
    daemon.wait_for("a{prog=\"p.mtail\"}", "1");
    // Written over in place: what it counted stays.
    std::fs::write(programs.join("p.mtail"), "counter a\n/x/ {\n  a += 10\n}\n").unwrap();
    daemon.wait_for("mtail_prog_loads_total{prog=\"p.mtail\"}", "2");
    daemon.write("x\n");
    daemon.wait_for("a{prog=\"p.mtail\"}", "11");
    // A broken one leaves the one that runs.
    std::fs::write(programs.join("new"), "counter a\nbroken\n").unwrap();
    std::fs::rename(programs.join("new"), programs.join("p.mtail")).unwrap();
    daemon.wait_for("mtail_prog_load_errors_total{prog=\"p.mtail\"}", "1");
    daemon.write("x\n");
    daemon.wait_for("a{prog=\"p.mtail\"}", "21");
    // One more, and one less.
    std::fs::write(programs.join("q.mtail"), "counter q\n/x/ {\n  q++\n}\n").unwrap();
    daemon.wait_for("mtail_prog_loads_total{prog=\"q.mtail\"}", "1");
    std::fs::remove_file(programs.join("p.mtail")).unwrap();
    let status = || daemon.get("/");
    let until = std::time::Instant::now() + super::PATIENCE;
    while status().contains("prog=p.mtail") && std::time::Instant::now() < until {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    daemon.write("x\n");
    daemon.wait_for("q{prog=\"q.mtail\"}", "1");
    daemon.wait_for("a{prog=\"p.mtail\"}", "21");
    assert!(
        daemon.get("/debug/vars").contains("\"lines_total\": 4"),
        "{}",
        daemon.get("/debug/vars")
    );
}
