# Every target is one line into `cargo xtask`; `cargo xtask help` lists the rest.

.PHONY: demo test check bench soak compat windows

demo:
	@cargo xtask demo

test:
	@cargo xtask test

check:
	@cargo xtask check

bench:
	@cargo xtask bench

soak:
	@cargo xtask soak

compat:
	@cargo xtask compat

windows:
	@cargo xtask windows
