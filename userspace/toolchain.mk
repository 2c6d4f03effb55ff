# SPDX-License-Identifier: GPL-2.0
# Which compiler and pkg-config: CC and PKG_CONFIG if they are given, else those of CROSS_COMPILE. CC may be
# several words, such as "ccache gcc". For userspace/ and bpf/; the module is compiled as its kernel was.
ifeq ($(origin CC),default)
CC := $(CROSS_COMPILE)gcc
endif
PKG_CONFIG ?= $(CROSS_COMPILE)pkg-config

machine := $(or $(ARCH),$(firstword $(subst -, ,$(shell $(CC) -dumpmachine 2>/dev/null))))
ifneq ($(filter-out x86 x86_64,$(machine)),)
$(error mmscope knows the page tables of x86-64 only, not those of $(machine))
endif

# What is run, with the Debian packages that have it.
launchers := $(filter ccache distcc,$(CC))
compiler := $(firstword $(filter-out $(launchers),$(CC)))
compilers := $(foreach program,$(launchers),'$(program):$(program)') \
	     '$(compiler):gcc$(if $(CROSS_COMPILE),-$(subst _,-,$(CROSS_COMPILE:%-=%)))'
