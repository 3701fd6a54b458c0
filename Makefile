# Every target is one line into `cargo xtask`; `cargo xtask help` lists the rest.

.PHONY: test check

test:
	@cargo xtask test

check:
	@cargo xtask check
