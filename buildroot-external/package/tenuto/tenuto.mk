################################################################################
#
# tenuto
#
################################################################################

TENUTO_VERSION = local
TENUTO_SITE = $(BR2_EXTERNAL_TENUTO_PATH)/..
TENUTO_SITE_METHOD = local
TENUTO_LICENSE = MIT or Apache-2.0
TENUTO_LICENSE_FILES = LICENSE-MIT LICENSE-APACHE
TENUTO_DEPENDENCIES = host-pkgconf alsa-lib
TENUTO_PROGRAMS = agent engine player

# What other ways of building have left in the repository is not its source.
TENUTO_OVERRIDE_SRCDIR_RSYNC_EXCLUSIONS = --exclude /target --exclude /tests/fuzz/target

TENUTO_CARGO_ENV = PKG_CONFIG_ALLOW_CROSS=1
TENUTO_CARGO_BUILD_OPTS = $(addprefix --package ,$(TENUTO_PROGRAMS))

# Buildroot fetches crates when it downloads a package's source, which a local one skips. Cargo.lock holds every crate's hash.
define TENUTO_FETCH_CRATES
	cd $(@D) && \
	$(TARGET_MAKE_ENV) $(PKG_CARGO_ENV) \
		cargo fetch --locked --target $(RUSTC_TARGET_NAME)
endef
TENUTO_PRE_CONFIGURE_HOOKS += TENUTO_FETCH_CRATES

# Without root rights, and with numbers that never change: agent, engine and player find each other's files by them.
define TENUTO_USERS
	tenuto-engine 901 tenuto-engine 901 * / /bin/false audio,tenuto real-time audio
	tenuto-player 902 tenuto-player 902 * / /bin/false tenuto UPnP renderer
endef

define TENUTO_PERMISSIONS
	/usr/libexec/tenuto/udhcpc f 755 0 0 - - - - -
endef

define TENUTO_INSTALL_TARGET_CMDS
	$(foreach program,$(TENUTO_PROGRAMS),
		$(INSTALL) -D -m 0755 $(@D)/target/$(RUSTC_TARGET_NAME)/release/$(program) \
			$(TARGET_DIR)/usr/bin/$(program)
	)
endef

$(eval $(cargo-package))
