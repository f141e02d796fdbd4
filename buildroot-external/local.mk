################################################################################
#
# What Buildroot reads before its packages (BR2_PACKAGE_OVERRIDE_FILE)
#
################################################################################

# Its Rust is older than ours must be; the hashes of this one are in hashes/rust-bin.
override RUST_BIN_VERSION = 1.97.1
# Its MIT licence's text is a newer one, too, and a file can't have two hashes.
override RUST_BIN_LICENSE_FILES = LICENSE-APACHE
