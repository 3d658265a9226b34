# Everything is cargo; this file only remembers the flags.
.PHONY: build test fmt clippy unit fuzz ui ui-check clean

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

# The web page, from server/ui/web to server/ui/dist. Needs Node 20.19 or newer and the npm registry; cargo does not.
ui:
	cd server/ui/web && npm ci --no-audit --no-fund && npm run build

# The committed page is what its source builds to, and it works in a browser.
ui-check: ui
	@test -z "$$(git status --porcelain server/ui/dist)" || { git status --short server/ui/dist; echo "server/ui/dist is not a build of server/ui/web: commit what 'make ui' wrote"; exit 1; }
	cd server/ui/web && npm test

clean:
	cargo clean
