//! Hands alerts to Alertmanagers: ours or others over HTTP.
