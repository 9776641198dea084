# The everyday verbs. `.ci/run` is what a change must pass; each verb here is a part of it or a longer run.

.PHONY: run test lint doc bench soak ci

run: ## serve on 127.0.0.1:8080, points in ./scrip-data
	cargo run --release

test: ## every test of every package
	cargo test --workspace

lint: ## format, lints
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings

doc: ## the API pages of all packages
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items

bench: ## every measured ratio in one run
	cargo run --release -p bench -- compare

soak: ## at length: 100,000 histories with power cuts, in which logs are written, packed, restored; snapshots, repairs, kill -9
	SCRIP_TEST_SCALE=250 cargo test -p engine -- journal snapshot
	SCRIP_TEST_SCALE=250 cargo test -p wal-tool --bins -- repair
	SCRIP_TEST_SCALE=200 cargo test -p tests -- --nocapture kill_cycles model archive

ci: ## what a change must pass
	.ci/run
