use super::*;

fn machine() -> (tempfile::TempDir, Root) {
    let directory = tempfile::tempdir().unwrap();
    let root = Root::new(directory.path());
    for name in ["run/tenuto", "data", "boot"] {
        fs::create_dir_all(root.path(name)).unwrap();
    }
    (directory, root)
}

fn offer(root: &Root, text: &str) {
    fs::write(root.path("boot/tenuto.toml"), text).unwrap();
}

#[test]
fn the_first_boot_makes_room_and_later_ones_find_what_was_set() {
    let (_keep, root) = machine();
    let first = Held::read(&root, |_| ());
    assert_eq!((first.account.keeping, first.settings), (Keeping::Made, Settings::default()));
    change(&root, "name", "Kitchen").unwrap();
    change(&root, "network.address", "192.168.1.20/24").unwrap();
    change(&root, "network.dns", "[\"9.9.9.9\"]").unwrap();
    let second = Held::read(&root, |_| ());
    assert_eq!(second.account, Account { keeping: Keeping::Kept, notes: Vec::new() });
    assert_eq!(second.settings.friendly_name(), Some("Kitchen"));
    assert_eq!(second.settings.dns.map(|dns| dns.len()), Some(1));
    for (key, value, says) in [("nmae", "x", "there is no setting nmae"), ("volume", "loud", "volume: unknown variant")]
    {
        let error = change(&root, key, value).unwrap_err().to_string();
        assert!(error.starts_with(says), "{error}");
    }
}

#[test]
fn a_file_is_taken_over_once_and_its_secret_goes() {
    let (_keep, root) = machine();
    offer(&root, "name = \"Kitchen\"\nwifi = { ssid = \"Home\", password = \"geheim123\" }\n");
    for boot in 0..3 {
        let held = Held::read(&root, |_| ());
        assert_eq!(held.account.notes, Vec::<String>::new(), "boot {boot}");
        assert_eq!(held.settings.password.map(String::from).as_deref(), Some("geheim123"));
        assert!(!root.text("boot/tenuto.toml").unwrap().contains("geheim"));
        // On the page.
        change(&root, "name", "Hall").unwrap();
    }
    assert_eq!(Held::read(&root, |_| ()).settings.friendly_name(), Some("Hall"));
    offer(&root, "name = \"Cellar\"\n");
    assert_eq!(Held::read(&root, |_| ()).settings.friendly_name(), Some("Cellar"));
}

#[test]
fn a_wrong_file_is_named_and_changes_nothing() {
    let (_keep, root) = machine();
    offer(&root, "name = \"Kitchen\"");
    Held::read(&root, |_| ());
    offer(&root, "name = \"Hall\"\nvolume = \"loud\"\n");
    for _ in 0..2 {
        let held = Held::read(&root, |_| ());
        assert!(held.account.notes[0].starts_with("tenuto.toml, line 2: unknown variant `loud`"), "{:?}", held.account);
        assert_eq!((held.settings.friendly_name(), held.account.keeping), (Some("Kitchen"), Keeping::Kept));
    }
}

#[test]
fn without_a_data_partition_the_file_counts_at_each_boot_and_keeps_its_secret() {
    let (_keep, root) = machine();
    fs::remove_dir(root.path("data")).unwrap();
    let text = "name = \"Kitchen\"\nwifi = { ssid = \"Home\", password = \"geheim123\" }";
    offer(&root, text);
    for _ in 0..2 {
        let held = Held::read(&root, |_| ());
        assert_eq!((held.settings.friendly_name(), held.account.keeping), (Some("Kitchen"), Keeping::NoMedium));
        assert_eq!(root.text("boot/tenuto.toml").as_deref(), Some(text));
    }
}

#[test]
fn a_full_data_partition_still_takes_what_fits_into_the_copies_and_an_empty_full_one_is_named() {
    let (_keep, root) = machine();
    Held::read(&root, |_| ());
    // Nothing new can be made, as on a full one; the copies are there.
    change(&root, "name", "Kitchen").unwrap();
    assert_eq!(Held::read(&root, |_| ()).settings.friendly_name(), Some("Kitchen"));
    for place in [0, 1] {
        let path = root.path(format!("data/settings.{place}"));
        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/dev/full", &path).unwrap();
    }
    offer(&root, "name = \"Hall\"");
    let held = Held::read(&root, |_| ());
    assert_eq!((held.settings.friendly_name(), &held.account.keeping), (Some("Hall"), &Keeping::Unusable));
    assert!(held.account.notes.iter().any(|note| note.contains("last until the next boot")), "{:?}", held.account);
}

#[test]
fn what_is_kept_but_no_settings_gives_defaults_and_is_named() {
    let (_keep, root) = machine();
    Data::find(&root).unwrap().save(&root, NAME, b"[]").unwrap();
    let held = Held::read(&root, |_| ());
    assert_eq!(held.settings, Settings::default());
    assert!(held.account.notes[0].contains("not understood"), "{:?}", held.account);
}

#[test]
fn what_is_set_is_known_before_anything_is_written() {
    let (_keep, root) = machine();
    offer(&root, "name = \"Kitchen\"\nwifi = { ssid = \"Home\", password = \"geheim123\" }\n");
    let mut known = None;
    let held = Held::read(&root, |settings| {
        assert_eq!(fs::read_dir(root.path("data")).unwrap().count(), 0);
        assert!(root.text("boot/tenuto.toml").unwrap().contains("geheim"));
        known = Some(settings.clone());
    });
    assert_eq!(known, Some(held.settings));
}
