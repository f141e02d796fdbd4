use super::*;

const ALL: &str = r#"# The kitchen's
name = "Kitchen"
room = "Ground floor"
volume = "fixed"
dac = "DAC"
hat = "hifiberry-dacplus"

[network]
address = "192.168.1.20/24"
gateway = "192.168.1.1"
dns = ["192.168.1.1", "9.9.9.9"]

[wifi]
ssid = "Home"
password = "not so secret"
country = "DE"

[time]
servers = ["192.168.1.1"]
"#;

fn fault(text: &str) -> String {
    parse(text.as_bytes()).unwrap_err().to_string()
}

#[test]
fn every_key_is_taken() {
    for text in [ALL.to_owned(), ALL.replace('\n', "\r\n"), format!("\u{feff}{ALL}")] {
        let file = parse(text.as_bytes()).unwrap_or_else(|fault| panic!("{fault}"));
        assert_eq!(file.name.unwrap().as_ref(), "Kitchen");
        assert_eq!(file.volume, Some(Volume::Fixed));
        assert_eq!(file.wifi.unwrap().country.unwrap().as_ref(), "DE");
        assert_eq!(file.network.dns.unwrap().get_ref().len(), 2);
        assert_eq!(file.time.servers.unwrap().get_ref().len(), 1);
    }
    assert!(parse(b"").unwrap().name.is_none(), "nothing has to be there");
}

#[test]
fn a_fault_names_its_line() {
    for (text, expected) in [
        ("name = \"a\"\nnmae = \"b\"\n", "line 2: unknown field `nmae`, expected one of "),
        ("\n\nname = \"\"\n", "line 3: a name has 1 to 48"),
        ("# x\nvolume = \"loud\"", "line 2: unknown variant `loud`, expected one of "),
        ("name = \"a\"\n\n[network]\naddress = \"192.168.1.20\"\n", "line 4: an address is dhcp, or"),
        ("[network]\naddress = \"10.0.0.2/24\"\ngateway = \"10.0.1.1\"\n", "line 3: the gateway is no other host"),
        ("[network]\ngateway = \"10.0.1.1\"\n", "line 2: a gateway goes with a static address"),
        ("[network]\naddress = \"dhcp\"\ndns = [\"10.0.1.1\"]\n", "line 3: DNS servers go with a static"),
        (
            "[network]\naddress = \"10.0.0.2/24\"\ndns = [\"1.1.1.1\",\"1.1.1.2\",\"1.1.1.3\",\"1.1.1.4\"]\n",
            "line 3: at most three",
        ),
        ("[time]\nservers = [\"a\",\"b\",\"c\",\"d\"]\n", "line 2: at most 3"),
        ("name = 5\n", "line 1: invalid type: integer `5`, expected"),
        ("\n[wifi]\ncountry = \"DE\"\n", "line 2: missing field `ssid`"),
        ("name = \"a\nroom = 1", "line 1: "),
        ("name = \"a\"\nname = \"b\"", "line 2: "),
    ] {
        let fault = fault(text);
        assert!(fault.starts_with(expected) && fault.lines().count() == 1, "{text:?}: {fault}");
    }
    assert_eq!(parse(b"name = \"x\"\n\xff\xfe").unwrap_err().line, 2);
    assert!(parse(&[b'#'; LARGEST + 1]).is_err() && parse(&[b'#'; LARGEST]).is_ok());
}

#[test]
fn a_fault_in_a_secret_does_not_tell_it() {
    for text in ["[wifi]\nssid=\"a\"\npassword = \"geheim\"", "[wifi]\nssid=\"a\"\npassword = \"geheim\u{e4}\u{e4}\""] {
        assert!(!fault(text).contains("geheim"), "{}", fault(text));
    }
}

#[test]
fn depth_is_bounded() {
    for (open, close) in [("[", "]"), ("{a=", "}")] {
        let text = format!("name = {}1{}", open.repeat(4000), close.repeat(4000));
        assert!(parse(text.as_bytes()).is_err());
    }
}

#[test]
fn a_secret_is_blanked_however_it_is_written_and_the_file_stays_what_it_was() {
    for written in ["\"geheim123\"", "'geheim123'", "\"\"\"geheim123\"\"\"", "'''\ngeheim123'''", "\"\\u0067eheim123\""]
    {
        for text in [
            format!("name = \"Kitchen\" # ü\n[wifi]\npassword = {written} # mine\nssid = \"Home\"\n"),
            format!("wifi = {{ ssid = \"Home\", password = {written} }}\nname = \"Kitchen\""),
        ] {
            let file = parse(text.as_bytes()).unwrap();
            assert!(!file.wifi.as_ref().unwrap().password.as_ref().unwrap().get_ref().is_blank());
            let blank = blanked(text.as_bytes(), &file);
            assert_eq!(blank.len(), text.len());
            assert!(!String::from_utf8_lossy(&blank).contains("eheim"), "{}", String::from_utf8_lossy(&blank));
            let again = parse(&blank).unwrap_or_else(|fault| panic!("{written}: {fault}"));
            let wifi = again.wifi.as_ref().unwrap();
            assert!(wifi.password.as_ref().unwrap().get_ref().is_blank() && wifi.ssid.as_ref() == "Home");
            assert_eq!(again.name.as_ref().unwrap().as_ref(), "Kitchen");
            assert_eq!(blanked(&blank, &again), blank);
        }
    }
    let none = b"name = \"Kitchen\"";
    assert_eq!(blanked(none, &parse(none).unwrap()), none);
}

#[test]
fn the_documented_file_is_taken() {
    let page = include_str!("../../../../../docs/settings.md");
    let (_, rest) = page.split_once("```toml\n").unwrap();
    let file = parse(rest.split_once("```").unwrap().0.as_bytes()).unwrap_or_else(|fault| panic!("{fault}"));
    assert!(file.name.is_some() && file.network.dns.is_some() && file.wifi.is_some() && file.time.servers.is_some());
}
