//! Samples out of order of their log, and the chunks in files that some of them are in.

use super::Replay;
use crate::sample::Stamped;
use crate::wal::markers;

impl Replay<'_> {
    /// Takes a sample that came out of order.
    pub(super) fn take_late(&mut self, reference: u64, late: Stamped) {
        match self.resolve(reference).filter(|id| self.head.has(u64::from(*id))) {
            None => {
                self.report.unknown_refs += 1;
                // Nobody else may get the number, and with it the sample at the next start.
                if let Ok(number) = u32::try_from(reference) {
                    self.head.index.write().reserve_ids(number);
                }
            }
            Some(id) if self.head.out_of_order.insert(id, late) => self.report.samples += 1,
            Some(_) => self.report.samples_repeated += 1,
        }
    }

    /// Reads for which samples there are chunks.
    pub(super) fn markers(&mut self, record: &[u8]) -> Result<(), String> {
        markers::decode(record, |reference, place| self.marker(reference, place))
    }

    /// The samples of a series that came so far are in a chunk at this place, if nothing happened to
    /// it: one that has any other sample is none of ours. A power cut may have taken the file, and
    /// another one may have got its number.
    fn marker(&mut self, reference: u64, place: u64) {
        let Some(id) = self.resolve(reference).filter(|_| place != 0) else { return };
        let head = self.head;
        let found = head.files.late_at(reference, place).filter(|_| !head.files.is_contested(id));
        match found {
            Some((chunk, samples)) if head.out_of_order.adopt(id, chunk, &samples) => {
                let samples = samples.len() as u64;
                self.report.late_chunks += 1;
                self.report.samples_mapped += samples;
                self.report.samples = self.report.samples.saturating_sub(samples);
                self.refused.remove(&id);
            }
            // Written to a file anew they are where the log says also for Prometheus, which asks only
            // whether files reach so far.
            _ => {
                self.refused.insert(id);
            }
        }
    }
}
