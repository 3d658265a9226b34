//! A histogram as upstream prints it: `{count:4, sum:5, (1,2]:4}`.

use common_model::{FloatHistogram, push_float};

use super::buckets::{Bucket, negative_buckets, positive_buckets};
use super::is_custom;

/// The text of a histogram; empty buckets are left out.
pub(crate) fn text(histogram: &FloatHistogram) -> String {
    let mut text = String::from("{count:");
    push_float(&mut text, histogram.count);
    text.push_str(", sum:");
    push_float(&mut text, histogram.sum);
    for bucket in negative_buckets(histogram).iter().rev() {
        push_bucket(&mut text, bucket, ('[', ')'));
    }
    let threshold = histogram.zero_threshold;
    let zero =
        Bucket { lower: -threshold, upper: threshold, count: histogram.zero_count, index: 0 };
    push_bucket(&mut text, &zero, ('[', ']'));
    for bucket in positive_buckets(histogram) {
        // The first custom bucket contains its lower bound, minus infinity.
        let first = is_custom(histogram) && bucket.index == 0;
        push_bucket(&mut text, &bucket, (if first { '[' } else { '(' }, ']'));
    }
    text.push('}');
    text
}

fn push_bucket(text: &mut String, bucket: &Bucket, (open, close): (char, char)) {
    if bucket.count == 0.0 {
        return;
    }
    text.push_str(", ");
    text.push(open);
    push_float(text, bucket.lower);
    text.push(',');
    push_float(text, bucket.upper);
    text.push(close);
    text.push(':');
    push_float(text, bucket.count);
}
