//! The list of images that the Raspberry Pi Imager offers: its repository format (`doc/json-schema/os-list-schema.json` in
//! raspberrypi/rpi-imager), with an entry for each board whose image lies beside it.
use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};

use crate::board::RaspberryPi;
use crate::command::{output, read};
use crate::rootfs::sha256_of;

/// The list's file.
const FILE: &str = "rpi-imager.json";
/// The picture of each entry: the page's.
const ICON: (&str, &[u8]) = ("tenuto.png", include_bytes!("../../../firmware/player/src/http/page/icon.png"));
/// What stays readable in a URL's path.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The list.
#[derive(Debug, Default, Serialize, Deserialize)]
struct List {
    os_list: Vec<Entry>,
}

/// An image, as the Imager wants to know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    name: String,
    description: String,
    /// Of the picture.
    icon: String,
    /// Of the compressed image; here, its file's name in front of which the base goes.
    url: String,
    /// Of the image itself, bytes.
    extract_size: u64,
    extract_sha256: String,
    /// Of the compressed one, bytes.
    image_download_size: u64,
    image_download_sha256: String,
    /// The day of the commit, so that anyone who builds it gets the same list.
    release_date: String,
    /// Which boards the Imager offers it for.
    devices: Vec<String>,
    /// There is nothing in the image that the Imager could set.
    init_format: String,
}

impl Entry {
    /// Of the image at `disk`, and the compressed one with its SHA-256.
    ///
    /// # Errors
    /// When one can't be read, or there is no date.
    pub(super) fn new(
        repository: &Path,
        board: &RaspberryPi,
        disk: &Path,
        (compressed, sum): (&Path, String),
    ) -> Result<Self> {
        let bytes = |path: &Path| fs::metadata(path).map(|file| file.len()).with_context(|| path.display().to_string());
        let name = compressed.file_name().and_then(|name| name.to_str()).context("the image has a name")?;
        let version = env!("CARGO_PKG_VERSION");
        Ok(Self {
            name: format!("Tenuto {version} ({})", board.name),
            description:
                "A network audio renderer (UPnP/DLNA) for USB DACs: what reaches the DAC is what the file holds"
                    .to_owned(),
            icon: ICON.0.to_owned(),
            url: name.to_owned(),
            extract_size: bytes(disk)?,
            extract_sha256: sha256_of(disk)?,
            image_download_size: bytes(compressed)?,
            image_download_sha256: sum,
            release_date: date(repository)?,
            devices: vec![board.imager.to_owned()],
            init_format: "none".to_owned(),
        })
    }

    fn file(&self) -> &str {
        self.url.rsplit('/').next().unwrap_or_default()
    }
}

/// Writes `entry` into the list in `directory`; entries of other images that lie there stay. All of them will be found at `base`,
/// or, if none is given, where they are now.
///
/// # Errors
/// When the list can't be read or written.
pub(super) fn publish(directory: &Path, entry: Entry, base: Option<&str>) -> Result<()> {
    let file = directory.join(FILE);
    let named = || format!("{}: no list that was written here; remove it", file.display());
    let mut list = match fs::metadata(&file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => List::default(),
        _ => serde_json::from_str(&read(&file)?).with_context(named)?,
    };
    list.os_list.retain(|other| other.file() != entry.file() && directory.join(other.file()).exists());
    list.os_list.push(entry);
    list.os_list.sort_by(|a, b| a.name.cmp(&b.name));
    let base = match base {
        Some(base) => base.trim_end_matches('/').to_owned(),
        None => {
            let path = directory.canonicalize().with_context(|| directory.display().to_string())?;
            format!("file://{}", utf8_percent_encode(&path.to_string_lossy(), PATH))
        }
    };
    for entry in &mut list.os_list {
        (entry.url, entry.icon) = (format!("{base}/{}", entry.file()), format!("{base}/{}", ICON.0));
    }
    fs::write(directory.join(ICON.0), ICON.1).with_context(|| directory.display().to_string())?;
    let text = serde_json::to_string_pretty(&list)? + "\n";
    fs::write(&file, text).with_context(|| file.display().to_string())
}

/// The day that the sources are of: `SOURCE_DATE_EPOCH` (reproducible-builds.org), else the last commit's, in UTC.
fn date(repository: &Path) -> Result<String> {
    let mut date = Command::new("date");
    date.args(["--utc", "+%F", "--date"]);
    let seconds = match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(seconds) => seconds,
        Err(_) => {
            output(Command::new("git").arg("-C").arg(repository).args(["log", "-1", "--format=%ct"]), "asking git")
                .context("the release's date: build in a clone, or set SOURCE_DATE_EPOCH")?
        }
    };
    let text = output(date.arg(format!("@{}", seconds.trim())), "the release's date")?;
    Ok(text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::Board;
    use crate::build;
    use crate::cache::sha256;
    use serde_json::{Value, json};

    fn published(directory: &Path, board: &str, base: Option<&str>) -> Value {
        let pi = Board::named(board).unwrap().pi.as_ref().unwrap();
        let (disk, compressed) = (directory.join("disk"), directory.join(format!("tenuto-{board}.img.xz")));
        fs::write(&disk, [1; 1000]).unwrap();
        fs::write(&compressed, [2; 10]).unwrap();
        let sum = sha256(&[2; 10]);
        let entry = Entry::new(&build::repository().unwrap(), pi, &disk, (&compressed, sum)).unwrap();
        publish(directory, entry, base).unwrap();
        serde_json::from_str(&read(&directory.join(FILE)).unwrap()).unwrap()
    }

    #[test]
    fn an_entry_says_what_the_imager_checks() {
        let home = tempfile::tempdir().unwrap();
        let list = published(home.path(), "rpi4", Some("https://example.org/tenuto/"));
        let entry = &list["os_list"][0];
        assert_eq!(entry["url"], "https://example.org/tenuto/tenuto-rpi4.img.xz");
        assert_eq!(entry["icon"], "https://example.org/tenuto/tenuto.png");
        assert_eq!([&entry["extract_size"], &entry["image_download_size"]], [1000, 10]);
        assert_eq!(entry["extract_sha256"], sha256(&[1; 1000]));
        assert_eq!(entry["image_download_sha256"], sha256(&[2; 10]));
        assert_eq!((&entry["devices"], &entry["init_format"]), (&json!(["pi4-64bit"]), &json!("none")));
        assert!(entry["name"].as_str().unwrap().contains("Raspberry Pi 4"));
        let date = entry["release_date"].as_str().unwrap();
        let shape: String = date.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        assert_eq!(shape, "0000-00-00");
        assert!(home.path().join("tenuto.png").exists());
    }

    #[test]
    fn each_image_that_lies_there_has_one_entry_and_all_are_at_one_place() {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("images of mine");
        fs::create_dir(&directory).unwrap();
        published(&directory, "rpi5", Some("https://example.org"));
        let first = published(&directory, "rpi4", None);
        assert_eq!(first, published(&directory, "rpi4", None));
        let urls: Vec<&str> =
            first["os_list"].as_array().unwrap().iter().filter_map(|entry| entry["url"].as_str()).collect();
        let [one, two] = urls.as_slice() else { panic!("{urls:?}") };
        assert!(one.starts_with("file:///") && one.ends_with("/images%20of%20mine/tenuto-rpi4.img.xz"), "{one}");
        assert!(two.starts_with("file:///") && two.ends_with("/tenuto-rpi5.img.xz"), "{two}");
        fs::remove_file(directory.join("tenuto-rpi5.img.xz")).unwrap();
        assert_eq!(published(&directory, "rpi4", None)["os_list"].as_array().unwrap().len(), 1);
    }
}
