# Everything is cargo; this file only remembers the flags.
.PHONY: build test test-deps fmt clippy unit fuzz ui ui-check ui-test deb rpm clean

build:
	cargo build --release --locked

# The pages; the result is committed, so that building Hearth needs no Node.js (this needs 20.19 or newer).
ui:
	cd server/ui/web && npm ci --no-audit --no-fund && npm run build

# Where Node.js is there: what is committed is what the sources build to.
ui-check:
	@if command -v npm >/dev/null 2>&1 && node -e 'process.exit(parseInt(process.versions.node) >= 20 ? 0 : 1)'; then $(MAKE) --no-print-directory ui >/dev/null && git diff --exit-code --stat -- server/ui/dist \
	    && test -z "$$(git status --porcelain -- server/ui/dist)"; else echo "skipped: no npm with node 20"; fi

# The one command: installs what the tests need (Debian packages, when missing) and runs them all.
test: test-deps fmt clippy unit ui-check fuzz
	@echo "all tests passed"

test-deps:
	@sh packaging/test-deps

fmt:
	cargo fmt --all --check

clippy:
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cargo check --manifest-path fuzz/Cargo.toml --locked --quiet

# Random tests begin where PROPTEST_RNG_SEED says (1), so that what one change broke is not found by the next.
unit:
	PROPTEST_RNG_SEED=$${PROPTEST_RNG_SEED:-1} cargo test --workspace --locked

# Half a minute for every fuzz target, two at a time (set FUZZ_SECONDS for more).
fuzz:
	@sh fuzz/smoke

# The pages in a real browser over made-up answers; skips itself without Chromium.
ui-test: ui
	cd server/ui/web && npm test

# Debian packages in target/packages, from the `dist` profile (see packaging/build-deb for its variables).
deb:
	@sh packaging/build-deb

# The same as RPM packages, out of those.
rpm:
	@sh packaging/build-rpm

clean:
	cargo clean
