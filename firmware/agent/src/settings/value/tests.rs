use super::*;

fn takes<T: TryFrom<String> + Into<String>>(right: &[&str], wrong: &[&str]) {
    for text in right {
        let value = T::try_from((*text).to_owned()).unwrap_or_else(|_| panic!("{text:?} is refused"));
        assert_eq!(value.into(), *text);
    }
    for text in wrong {
        assert!(T::try_from((*text).to_owned()).is_err(), "{text:?} is taken");
    }
}

#[test]
fn texts_keep_to_their_rules() {
    let (long, longer) = ("ä".repeat(48), "x".repeat(49));
    takes::<Label>(&["Kitchen", "Küche 2", &long], &["", " ", " x", "x ", "a\nb", &longer]);
    takes::<Dac>(&["auto", "0", "DAC", "sndrpihifiberry"], &["", "hw:0", "a b", "sixteen-letters-"]);
    takes::<Overlay>(&["hifiberry-dacplus"], &["", "HiFi", "../x", "a,b"]);
    takes::<Ssid>(&["Home", "Zu Hause"], &["", "a\0", &longer]);
    takes::<Country>(&["DE"], &["", "de", "DEU", "Ü"]);
    takes::<HostName>(
        &["pool.ntp.org", "10.0.0.1", "a"],
        &["", ".", "a..b", "-a", "a b", "a/b", "a.b.", &"a".repeat(64)],
    );
}

#[test]
fn an_address_is_one_that_a_host_can_have() {
    takes::<Address>(
        &["dhcp", "192.168.1.20/24", "10.0.0.1/8", "10.1.2.1/30"],
        &[
            "",
            "192.168.1.20",
            "192.168.1.20/",
            "192.168.1.20/7",
            "192.168.1.20/31",
            "192.168.1.0/24",
            "192.168.1.255/24",
            "127.0.0.1/8",
            "0.0.0.1/8",
            "224.0.0.1/24",
            "255.255.255.255/8",
            "169.254.1.1/16",
            "1.2.3/24",
            "192.168.1.20/24/x",
        ],
    );
    let Ok(Address::Static(subnet)) = Address::try_from("192.168.1.20/24".to_owned()) else { panic!("static") };
    assert!(subnet.has(Ipv4Addr::new(192, 168, 1, 1)));
    for other in [[192, 168, 1, 20], [192, 168, 2, 1], [192, 168, 1, 0], [192, 168, 1, 255]] {
        assert!(!subnet.has(other.into()), "{other:?}");
    }
}

#[test]
fn a_password_is_never_shown() {
    takes::<Password>(
        &["12345678", "", "        ", "  torn99", &"a".repeat(63), &"0f".repeat(32)],
        &["1234567", "pässword", &"x".repeat(64)],
    );
    let password = Password::try_from("geheim123".to_owned()).unwrap();
    assert_eq!(format!("{password:?}"), "Password(secret)");
    assert!(!password.is_blank() && Password(String::new()).is_blank() && Password("   heim123".to_owned()).is_blank());
    assert!(!Password::try_from("geheim".to_owned()).unwrap_err().contains("geheim"));
}
