# SPDX-License-Identifier: ISC
#
# Builds the fuzz targets from the sources of the tree: tests/fuzz/run calls
# it in its build folder with FUZZ_CC, SOURCE, the top of the tree, and the
# targets: files beside this one.

here := $(SOURCE)/tests/fuzz
layers := $(foreach l,base platform http render domain handlers,\
	$(SOURCE)/src/$l)
sources := $(wildcard $(addsuffix /*.c,$(layers)))
objects := $(sources:$(SOURCE)/%.c=obj/%.o)
helpers := obj/tests/fuzz/fuzz.o obj/tests/fuzz/connection.o
targets := $(MAKECMDGOALS)

# base/arena.c poisons what is free where gcc's macro says so.  The folders
# that Makefile.am defines need not be there.
CPPFLAGS := -D_GNU_SOURCE -DPACKAGE_VERSION='"0"' -D__SANITIZE_ADDRESS__=1 \
	-iquote $(SOURCE)/src -iquote $(SOURCE) -I. \
	$(shell sed -n "s/.*-D\(POSTERN_[A-Z_]*\)=.*/-D\1='\"\/nowhere\"'/p" \
		$(SOURCE)/Makefile.am) \
	$(shell pkg-config --cflags libpq json-c)
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all
CFLAGS := -std=gnu17 -O1 -g -fno-omit-frame-pointer $(SANITIZE)
LIBS := $(shell pkg-config --libs libpq json-c fcgi libxcrypt libesmtp-1.0 \
	libcrypto libssl libidn2)

$(targets): %: obj/tests/fuzz/%.o $(helpers) libpostern.a
	$(FUZZ_CC) -fsanitize=fuzzer $(SANITIZE) -o $@ $^ $(LIBS)

libpostern.a: $(objects)
	rm -f $@
	ar cr $@ $^

obj/%.o: $(SOURCE)/%.c $(here)/build.mk
	@mkdir -p $(@D)
	$(FUZZ_CC) $(CPPFLAGS) $(CFLAGS) -fsanitize=fuzzer-no-link -MMD -c \
		-o $@ $<

# A header that is gone is no error: what included it is compiled again.
%.h: ;

.SECONDARY:
-include $(objects:.o=.d) $(helpers:.o=.d) $(targets:%=obj/tests/fuzz/%.d)
