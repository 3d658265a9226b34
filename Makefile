# Everything is cargo; this file only remembers the flags.
.PHONY: build test fmt clippy unit fuzz ui-check clean

build:
	cargo build --release --locked

# The one command: installs what the tests need (Debian packages, when missing) and runs them all.
test: test-deps fmt clippy unit fuzz
	@echo "all tests passed"

test-deps:
	@sh packaging/test-deps

fmt:
	cargo fmt --all --check

clippy:
	cargo clippy --workspace --all-targets --locked -- -D warnings

unit:
	cargo test --workspace --locked

# One minute for every fuzz target, two at a time (set FUZZ_SECONDS for more).
fuzz:
	@sh fuzz/smoke

clean:
	cargo clean
