# SPDX-License-Identifier: GPL-2.0
# What people build, run and test. The module's own makefile, for the kernel's build system, is
# Kbuild; objects go to build/, never beside the sources.
.DEFAULT_GOAL := all
SHELL := /bin/bash
OUT ?= $(CURDIR)/build
KDIR ?= /lib/modules/$(shell uname -r)/build
V ?= 0
Q := $(if $(filter 1,$(V)),,@)

.PHONY: all module userspace run test bench unit fuzz torture check deps clean help

## make all        the module and the reader; also without a target
all: module userspace

## make help       this
help:
	@sed -n 's/^## //p' $(firstword $(MAKEFILE_LIST))

## make run        install what is missing, build, show mmscope at work (HOST=1: on this kernel)
run:
	$(Q)tests/deps build vm
	$(Q)userspace/demo/run

## make test       install what is missing, run every test
test:
	$(Q)tests/deps
	$(Q)tests/run

## make bench      install what is missing, measure what looking at memory costs, beside /proc
bench:
	$(Q)tests/deps build vm bench
	$(Q)tests/bench/run

## make unit       unit tests on this machine, with sanitizers
unit: userspace
	$(Q)$(MAKE) --no-print-directory -C tests/unit OUT=$(OUT)/unit run

## make fuzz       fuzzing of what the reader parses, the short form (SECONDS=N: each for so long)
fuzz:
	$(Q)$(MAKE) --no-print-directory -C tests/fuzz OUT=$(OUT)/fuzz SECONDS=$(SECONDS) run

## make torture    the long forms of the tests that try to break things; hours
torture:
	$(Q)tests/deps
	$(Q)tests/run -t

## make check      static checks
check:
	$(Q)tests/check

## make deps       install the Debian packages that building and testing need
deps:
	$(Q)tests/deps

## make module     the module, for the kernel whose headers are in KDIR (FAULTS=1: for t_allocs;
##                 UNSUPPORTED=1: also for a kernel that tests/KERNELS does not have)
# Kernels up to 6.12 put objects beside the sources: hence the tree of links. Debian's headers name the
# compiler of their kernel.
module: TREE = $(OUT)/module-$(KREL)$(if $(FAULTS),-faults)
module: KREL = $(shell sed -n 's/.*UTS_RELEASE "\(.*\)"/\1/p' \
	$(KDIR)/include/generated/utsrelease.h 2>/dev/null)
module: COMPILER = $(if $(filter command,$(origin CC)),$(firstword $(filter-out ccache distcc,$(CC))), \
	$(shell sed -n '/^CC/s/.*\(gcc-[0-9]*\)$$/\1/p' $(KDIR)/.kernelvariables 2>/dev/null))
module:
	@test -n "$(KREL)" || { echo "no kernel headers in $(KDIR)" \
		"(Debian package linux-headers-$$(uname -r))" >&2; exit 1; }
	$(Q)kernel_source_dir='' dkms_tree='' && . ./dkms.conf && \
		[[ -n "$(UNSUPPORTED)" || $(KREL) =~ $$BUILD_EXCLUSIVE_KERNEL ]] || { \
		echo "no module for kernel $(KREL): $$(mms_range) are supported" \
		"(UNSUPPORTED=1 tries all the same)" >&2; exit 1; }
	$(Q)userspace/missing '' '' $(foreach program,$(COMPILER),'$(program):$(program)')
	$(Q)find Kbuild module -type f | while read -r file; do \
		link=$(TREE)/$$file; \
		mkdir -p "$${link%/*}" && ln -sfn "$(CURDIR)/$$file" "$$link" || exit 1; done
	$(Q)find $(TREE) -xtype l -delete
	$(Q)+$(MAKE) $(if $(filter 1,$(V)),,-s) -C $(KDIR) M=$(TREE) V=$(V) \
		$(if $(W),W=$(W)) $(if $(C),C=$(C)) $(if $(FAULTS),MMS_FAULTS=1) modules

## make userspace  the reader, with the eBPF programs in it
userspace:
	$(Q)$(MAKE) --no-print-directory -C bpf OUT=$(OUT)/bpf V=$(V)
	$(Q)$(MAKE) --no-print-directory -C userspace OUT=$(OUT)/userspace BPF_OUT=$(OUT)/bpf V=$(V)

## make install    the reader, manual pages, completions, headers, schemas, below PREFIX (/usr/local) in DESTDIR
## make uninstall  take them away
.PHONY: install uninstall
ifneq ($(filter install uninstall,$(MAKECMDGOALS)),)
ifneq ($(words x$(DESTDIR)$(PREFIX)),1)
$(error PREFIX and DESTDIR must not hold blanks)
endif
endif
install: userspace
install uninstall:
	$(Q)$(MAKE) --no-print-directory -C userspace OUT=$(OUT)/userspace BPF_OUT=$(OUT)/bpf V=$(V) \
		DESTDIR=$(abspath $(DESTDIR)) $@

## make dkms-install    the module's source to DKMS, which builds it for this kernel and for those to come
## make dkms-uninstall  take it and all that was built of it away
.PHONY: dkms-install dkms-uninstall
dkms-install dkms-uninstall:
	$(Q)module/dkms $(@:dkms-%=%)

## make dist       build/mmscope-VERSION.tar.gz of what is committed: the same bytes at any time and place
.PHONY: dist
dist: VERSION = $(shell sed -n 's/^\#define MMS_VERSION\t"\(.*\)"/\1/p' module/uapi/mmscope.h)
dist:
	$(Q)userspace/missing '' '' git:git gzip:gzip
	$(Q)mkdir -p $(OUT) && set -o pipefail && git -c tar.umask=0022 archive --format=tar \
		--prefix=mmscope-$(VERSION)/ HEAD | gzip -9n >$(OUT)/mmscope-$(VERSION).tar.gz

## make clean      remove build/
clean:
	rm -rf "$(OUT)"
