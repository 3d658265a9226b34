//! /api/v1, federation and status.
