//! Outbound HTTP with the http client keys of Prometheus' configuration.
