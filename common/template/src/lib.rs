//! Go text/template with the alerting functions.
