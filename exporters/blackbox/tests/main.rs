//! The exporter from outside: its configuration, its probers, and those who attack it.
#![allow(clippy::unwrap_used, reason = "a failed test says where")]

mod attacks;
mod config;
mod grpc;
mod http;
mod http2;
mod icmp;
mod pages;
mod servers;
mod support;
mod websocket;
