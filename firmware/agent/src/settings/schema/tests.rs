use serde_json::json;

use super::*;
use crate::settings::file;

fn all() -> Settings {
    let mut settings = Settings::default();
    for (key, value) in KEYS.into_iter().zip([
        json!("Kitchen"),
        json!("Ground floor"),
        json!("fixed"),
        json!("DAC"),
        json!("hifiberry-dacplus"),
        json!("192.168.1.20/24"),
        json!("192.168.1.1"),
        json!(["192.168.1.1"]),
        json!("Home"),
        json!("geheim123"),
        json!("DE"),
        json!(["pool.ntp.org"]),
        json!("0f"),
    ]) {
        settings.set(key, value).unwrap();
    }
    settings
}

#[test]
fn every_key_is_kept_and_read_back() {
    let settings = all();
    assert!(KEYS.iter().all(|key| settings.get(key).is_some()));
    assert_eq!(Settings::parse(settings.text().as_bytes()).unwrap(), (settings, Vec::new()));
    let none = Settings::default();
    assert_eq!(none.text(), r#"{"format":1}"#);
    assert_eq!(Settings::parse(none.text().as_bytes()).unwrap(), (none, Vec::new()));
}

#[test]
fn what_is_shown_has_no_secret() {
    let shown = all().without_secrets().text();
    assert!(shown.contains("Home") && !shown.contains("geheim"), "{shown}");
    assert!(!format!("{:?}", all()).contains("geheim"));
}

#[test]
fn what_a_newer_version_wrote_survives_an_older_one() {
    let text = r#"{"format":2,"name":"Kitchen","volume":"balanced","network.mtu":1400}"#;
    let (mut settings, notes) = Settings::parse(text.as_bytes()).unwrap();
    assert_eq!(notes.len(), 3, "{notes:?}");
    assert!(notes[0].contains("format 2") && notes.iter().any(|note| note.contains("network.mtu")), "{notes:?}");
    assert_eq!((settings.friendly_name(), settings.volume), (Some("Kitchen"), None));
    settings.set("room", json!("Cellar")).unwrap();
    let written: Value = serde_json::from_str(&settings.text()).unwrap();
    assert_eq!(
        (&written["network.mtu"], &written["volume"], &written["room"]),
        (&json!(1400), &json!("balanced"), &json!("Cellar"))
    );
    // Until the owner says something else here.
    settings.take(&file::parse(b"volume = \"fixed\"").unwrap());
    assert_eq!(serde_json::from_str::<Value>(&settings.text()).unwrap()["volume"], json!("fixed"));
}

#[test]
fn what_is_no_settings_is_an_error_and_a_wrong_value_changes_nothing() {
    for text in ["", "x", "[]", "5", "{\"name\":"] {
        assert!(Settings::parse(text.as_bytes()).is_err(), "{text}");
    }
    let mut settings = all();
    assert_eq!(settings.set("nmae", json!("x")), Err(Refusal::Unknown));
    assert!(matches!(settings.set("name", json!("")), Err(Refusal::Invalid(why)) if why.contains("1 to 48")));
    assert!(settings.set("volume", json!(5)).is_err());
    assert_eq!(settings, all());
    settings.set("name", Value::Null).unwrap();
    assert_eq!(settings.friendly_name(), Some("Ground floor"));
}

#[test]
fn a_file_changes_what_it_names() {
    let mut settings = all();
    settings.take(&file::parse(b"name = \"Hall\"\n[network]\naddress = \"dhcp\"\n").unwrap());
    assert_eq!(settings.friendly_name(), Some("Hall"));
    assert_eq!((settings.address, settings.gateway, &settings.dns), (Some(Address::Dhcp), None, &None));
    assert_eq!((settings.volume, settings.ssid), (Some(Volume::Fixed), all().ssid));
}

#[test]
fn a_blank_password_is_the_one_that_is_known_of_that_network() {
    let password = |file: &str| {
        let mut settings = all();
        settings.take(&file::parse(file.as_bytes()).unwrap());
        settings.password.map(String::from)
    };
    assert_eq!(password("wifi = { ssid = \"Home\", password = \"         \" }").as_deref(), Some("geheim123"));
    assert_eq!(password("wifi = { ssid = \"Away\", password = \"         \" }"), None);
    assert_eq!(password("wifi = { ssid = \"Home\" }"), None, "it is open now");
    assert_eq!(password("wifi = { ssid = \"Home\", password = \"another1\" }").as_deref(), Some("another1"));
}
