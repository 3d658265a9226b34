//! Groups and their times, with a clock turned by hand.

use super::*;

/// Two receivers, the second by a route that goes on.
const CONFIG: &str = "
receivers: [{name: a}, {name: b}, {name: c}]
inhibit_rules: [{source_matchers: [mute=yes], target_matchers: [alertname=I]}]
route:
  receiver: a
  group_by: [alertname]
  group_wait: 10s
  group_interval: 60s
  repeat_interval: 300s
  routes:
  - {matchers: [team=x], receiver: b, continue: true}
  - {matchers: [team=x], receiver: c, group_wait: 20s}
";

/// Runs the machine: each step is a time in seconds and what happens then. Alerts begin when they
/// are put. What is told stands in the story as `second receiver reason: alerts`.
struct Story {
    dispatcher: Dispatcher,
    log: Log,
    told: Vec<String>,
    now_ms: i64,
}

impl Story {
    fn new() -> Story {
        let dispatcher = Dispatcher::new(&config(), 0);
        Story { dispatcher, log: Log::default(), told: Vec::new(), now_ms: 0 }
    }

    /// Flushes what is due until a time; receivers fail or not.
    fn run_until(&mut self, second: i64, is_success: bool) -> &mut Story {
        let end_ms = second * 1000;
        while let Some(next_ms) = self.dispatcher.next_due_ms().filter(|next| *next <= end_ms) {
            self.now_ms = next_ms.max(self.now_ms);
            for flush in self.dispatcher.due(self.now_ms) {
                self.tell(&flush, is_success);
                self.dispatcher.done(&flush, is_success);
            }
        }
        self.now_ms = end_ms;
        self
    }

    fn tell(&mut self, flush: &Flush, is_success: bool) {
        let id = ReceiverId { receiver: flush.receiver.clone(), integration: "webhook", index: 0 };
        let (key, repeat_ms) = ((flush.key.clone(), id), flush.repeat_interval_ms);
        let verdict = self.log.verdict(&key, &flush.alerts, true, repeat_ms, flush.now_ms);
        let Verdict::Tell(reason) = verdict else {
            return;
        };
        let show = |alert: &Alert| {
            let sign = if alert.ends_at_ms == 0 { "" } else { "-" };
            format!(" {sign}{}{}", alert.name(), alert.labels.value("n"))
        };
        let alerts: String = flush.alerts.iter().map(show).collect();
        let second = flush.now_ms / 1000;
        let fate = if is_success { "" } else { " (failed)" };
        self.told.push(format!("{second} {} {}:{alerts}{fate}", flush.receiver, reason.as_str()));
        if is_success {
            self.log.note(key, &flush.alerts, repeat_ms, flush.now_ms);
        }
    }

    /// Puts an alert now, `alertname=A n=1`, that ends at a second (0: not known).
    fn put(&mut self, labels: &str, starts_at: i64, ends_at: i64) -> &mut Story {
        let pairs = labels.split_whitespace().filter_map(|pair| pair.split_once('='));
        let alert = Alert {
            labels: Labels::from_pairs(pairs),
            starts_at_ms: starts_at * 1000,
            ends_at_ms: ends_at * 1000,
            ..Alert::default()
        };
        self.dispatcher.put(alert, self.now_ms);
        self
    }

    #[track_caller]
    fn check(&self, wanted: &[&str]) {
        assert_eq!(self.told, wanted);
    }
}

fn config() -> AlertmanagerFile {
    AlertmanagerFile::parse(CONFIG).unwrap()
}

#[test]
fn a_group_waits_then_tells_of_changes_at_its_interval_and_repeats() {
    let mut story = Story::new();
    story.run_until(1000, true);
    story.put("alertname=A n=1", 1000, 5000).run_until(1005, true);
    story.put("alertname=A n=2", 1005, 5000).run_until(1020, true);
    // Comes between flushes, so it waits for the next.
    story.put("alertname=A n=3", 1020, 5000).run_until(1400, true);
    let mut wanted = vec!["1010 a first notification: A1 A2", "1070 a new alerts added: A1 A2 A3"];
    // 1370 is exactly one repeat interval after 1070, which is not yet more than one.
    story.check(&wanted);
    wanted.push("1430 a repeat interval elapsed: A1 A2 A3");
    story.run_until(1430, true).check(&wanted);
}

#[test]
fn an_end_is_told_once_and_then_the_group_is_gone() {
    let mut story = Story::new();
    story.run_until(1000, true);
    story.put("alertname=A n=1", 1000, 5000).put("alertname=A n=2", 1000, 5000);
    story.run_until(1020, true).put("alertname=A n=1", 1000, 1020).run_until(1080, true);
    story.put("alertname=A n=2", 1000, 1080).run_until(1900, true);
    story.check(&[
        "1010 a first notification: A1 A2",
        "1070 a some alerts resolved: -A1 A2",
        "1130 a all alerts resolved: -A2",
    ]);
    assert_eq!(story.dispatcher.group_count(), 0);
}

#[test]
fn an_alert_that_nobody_repeats_ends_after_the_resolve_timeout() {
    let mut story = Story::new();
    story.run_until(1000, true).put("alertname=A", 1000, 0).run_until(1900, true);
    story.check(&["1010 a first notification: A", "1310 a all alerts resolved: -A"]);
}

#[test]
fn an_alert_that_ends_within_the_wait_is_never_told_of() {
    let mut story = Story::new();
    story.run_until(1000, true).put("alertname=A", 1000, 1005).run_until(1900, true).check(&[]);
    assert_eq!(story.dispatcher.group_count(), 0);
}

#[test]
fn what_began_long_ago_does_not_wait() {
    let mut story = Story::new();
    story.run_until(1000, true).put("alertname=A", 500, 5000).run_until(1001, true);
    story.check(&["1000 a first notification: A"]);
}

#[test]
fn a_failure_is_told_again_at_the_next_flush_and_keeps_what_ended() {
    let mut story = Story::new();
    story.run_until(1000, true).put("alertname=A", 1000, 5000).run_until(1020, true);
    story.put("alertname=A", 1000, 1020).run_until(1100, false).run_until(1900, true);
    story.check(&[
        "1010 a first notification: A",
        "1070 a all alerts resolved: -A (failed)",
        "1130 a all alerts resolved: -A",
    ]);
}

#[test]
fn an_alert_that_goes_on_is_told_to_both() {
    let mut story = Story::new();
    story.run_until(1000, true).put("alertname=A team=x", 1000, 5000).run_until(1030, true);
    story.check(&["1010 b first notification: A", "1020 c first notification: A"]);
    assert_eq!(story.dispatcher.alerts(1_030_000)[0].receivers, ["b", "c"]);
}

#[test]
fn an_inhibited_alert_is_told_of_when_its_source_has_ended() {
    let mut story = Story::new();
    story.run_until(1000, true).put("alertname=S mute=yes", 1000, 1050);
    story.put("alertname=I", 1000, 5000).run_until(1040, true);
    story.check(&["1010 a first notification: S"]);
    assert_eq!(
        story.dispatcher.alerts(1_040_000).iter().filter(|v| !v.inhibited_by.is_empty()).count(),
        1
    );
    story.run_until(1100, true);
    story.check(&[
        "1010 a first notification: S",
        "1070 a first notification: I",
        "1070 a all alerts resolved: -S",
    ]);
}

#[test]
fn a_new_configuration_flushes_at_once_what_has_waited_and_hears_no_old_flush() {
    let mut story = Story::new();
    story.run_until(1000, true).put("alertname=A", 1000, 5000).run_until(1009, true);
    let flushes = story.dispatcher.due(1_010_000);
    story.dispatcher.apply(&config(), 1_011_000);
    assert_eq!(story.dispatcher.next_due_ms(), Some(1_011_000));
    story.dispatcher.done(&flushes[0], true);
    story.run_until(1012, true).check(&["1011 a first notification: A"]);
}
