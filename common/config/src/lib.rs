//! YAML to checked structs, durations, byte sizes, positions.
