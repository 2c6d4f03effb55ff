# SPDX-License-Identifier: GPL-2.0
# Installing and removing what people use: the reader, its manual pages, completions, the headers that
# describe its records, the schemas of its JSON. The module is DKMS's business. PREFIX and DESTDIR are as
# everywhere.
PREFIX ?= /usr/local
DESTDIR ?=
SBINDIR ?= $(PREFIX)/sbin
LIBEXECDIR ?= $(PREFIX)/libexec
MANDIR ?= $(PREFIX)/share/man
INCLUDEDIR ?= $(PREFIX)/include
SCHEMADIR ?= $(PREFIX)/share/mmscope/schema
BASHDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR ?= $(PREFIX)/share/zsh/site-functions
INSTALL ?= install

pages8 := $(wildcard man/*.8)
pages4 := $(wildcard man/*.4)
headers := ../module/uapi/mmscope.h ../module/uapi/mmscope_events.h
schemas := $(wildcard schema/*.json)

for_labs := mmscope-lab mmscope-sample-static mmscope-sample-dynamic

installed := $(SBINDIR)/mmscope $(for_labs:%=$(LIBEXECDIR)/mmscope/%) \
	$(pages8:man/%=$(MANDIR)/man8/%) $(pages4:man/%=$(MANDIR)/man4/%) \
	$(patsubst ../module/uapi/%,$(INCLUDEDIR)/%,$(headers)) \
	$(schemas:schema/%=$(SCHEMADIR)/%) $(BASHDIR)/mmscope $(ZSHDIR)/_mmscope

# What is left empty goes too, up to DESTDIR or PREFIX; but where others install as well, a directory that
# is empty now may have been so before.
directories := $(sort $(dir $(installed)))
emptied := $(if $(DESTDIR),$(directories:/%/=%),$(patsubst $(PREFIX)/%/,%,$(filter $(PREFIX)/%,$(directories))))
shared := $(filter /usr /usr/local,$(abspath $(DESTDIR)/$(PREFIX)))

.PHONY: install uninstall
install: $(programs) $(samples)
	$(Q)$(INSTALL) -D -m 0755 $(OUT)/mmscope "$(DESTDIR)$(SBINDIR)/mmscope"
	$(Q)$(INSTALL) -d "$(DESTDIR)$(LIBEXECDIR)/mmscope"
	$(Q)$(INSTALL) -m 0755 $(for_labs:%=$(OUT)/lab/%) "$(DESTDIR)$(LIBEXECDIR)/mmscope"
	$(Q)$(INSTALL) -d "$(DESTDIR)$(MANDIR)/man8" "$(DESTDIR)$(MANDIR)/man4" "$(DESTDIR)$(INCLUDEDIR)" \
		"$(DESTDIR)$(SCHEMADIR)"
	$(Q)$(INSTALL) -m 0644 $(pages8) "$(DESTDIR)$(MANDIR)/man8"
	$(Q)$(INSTALL) -m 0644 $(pages4) "$(DESTDIR)$(MANDIR)/man4"
	$(Q)$(INSTALL) -m 0644 $(headers) "$(DESTDIR)$(INCLUDEDIR)"
	$(Q)$(INSTALL) -m 0644 $(schemas) "$(DESTDIR)$(SCHEMADIR)"
	$(Q)$(INSTALL) -D -m 0644 completion/mmscope.bash "$(DESTDIR)$(BASHDIR)/mmscope"
	$(Q)$(INSTALL) -D -m 0644 completion/mmscope.zsh "$(DESTDIR)$(ZSHDIR)/_mmscope"

uninstall:
	$(Q)rm -f $(installed:%="$(DESTDIR)%")
	$(if $(shared),,$(Q)cd "$(or $(DESTDIR),$(PREFIX))" && { rmdir -p --ignore-fail-on-non-empty $(emptied); \
		rmdir --ignore-fail-on-non-empty "$$PWD"; } 2>/dev/null || :)
