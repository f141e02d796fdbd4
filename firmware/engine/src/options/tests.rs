use super::*;

fn run(line: &str) -> Result<Options, String> {
    match parse(line.split_whitespace().map(OsString::from))? {
        Asked::Run(options) => Ok(*options),
        Asked::Print(text) => Err(text),
    }
}

#[test]
fn the_defaults_run() {
    assert_eq!(run(""), Ok(Options::default()));
}

#[test]
fn every_option_is_taken() {
    let options = run(
        "--socket /tmp/s --sink file:/tmp/d --accept s24_3 --max-rate 96000 --speakers FR,FL --fast --core 3 --priority 60 --user u --group g \
                       --period-ms 5 --buffer-ms=20 --ring-ms 500 --preroll-ms 0 --dsd-silence-ms 7 --huge-pages \
                       --certificate off --confine on --dac-rules /r --check",
    );
    assert_eq!(
        options,
        Ok(Options {
            socket: "/tmp/s".into(),
            sink: Sink::File("/tmp/d".into()),
            accept: Accept::Only(pcm::WireFormat::S24_3Le),
            max_rate: 96_000,
            speakers: Speakers::new([Some(Speaker::FrontRight), Some(Speaker::FrontLeft)]),
            fast: true,
            core: Some(3),
            priority: 60,
            user: Some("u".to_owned()),
            group: Some("g".to_owned()),
            period_ms: 5,
            buffer_ms: 20,
            ring_ms: 500,
            preroll_ms: 0,
            dsd_silence_ms: 7,
            huge_pages: true,
            certificate: false,
            confine: true,
            dac_rules: Some("/r".into()),
            check: true,
        })
    );
    assert_eq!(run("--sink hw:1,0").map(|options| options.sink), Ok(Sink::Alsa("hw:1,0".to_owned())));
}

/// The bounds that the help states, and one step beyond each.
#[test]
fn times_have_bounds() {
    for line in [
        "--period-ms 1 --buffer-ms 2",
        "--period-ms 1000 --buffer-ms 2000 --ring-ms 2010",
        "--ring-ms 50 --period-ms 20",
        "--ring-ms 10000",
        "--preroll-ms 0",
        "--preroll-ms 5000",
        "--priority 1",
        "--priority 99",
    ] {
        assert!(run(line).is_ok(), "{line}");
    }
    for line in [
        "--period-ms 0",
        "--period-ms 1001 --buffer-ms 2000 --ring-ms 10000",
        "--buffer-ms 1 --period-ms 1",
        "--buffer-ms 2001",
        "--ring-ms 49 --period-ms 1",
        "--ring-ms 10001",
        "--preroll-ms 5001",
        "--priority 0",
        "--priority 100",
    ] {
        assert!(run(line).is_err(), "{line}");
    }
}

#[test]
fn wrong_usage_is_explained() {
    for (line, part) in [
        ("--period-ms 0", "from 1 to 1000"),
        ("--period-ms 60", "--buffer-ms 100 is less than two periods"),
        ("--ring-ms 50", "--ring-ms 50 is less than two periods of 40 ms and 10 ms"),
        ("--ring-ms 89", "--ring-ms 89 is less than two periods"),
        ("--period-ms 1000 --buffer-ms 2000", "--ring-ms 1000 is less than two periods"),
        ("--sink file:", "names no sink"),
        ("--sink nonsense", "not 'nonsense'"),
        ("--sink default", "hw:CARD[,DEV]"),
        ("--sink hw:", "hw:CARD[,DEV]"),
        ("--fast", "for --sink null"),
        ("--max-rate 96000", "for --sink null"),
        ("--speakers FL,FR", "for --sink null"),
        ("--sink null --speakers FL,XX", "not 'FL,XX'"),
        ("--accept s8 --sink null", "s24_3"),
        ("--certificate yes", "on or off"),
        ("--loud", "--loud"),
        ("more", "more"),
        ("--priority", "--priority"),
    ] {
        let error = run(line).expect_err(line);
        assert!(error.contains(part), "{line}: {error}");
    }
}

/// Every option that the parser knows is in the help, and the other way round.
#[test]
fn the_help_is_complete() {
    for word in HELP.split_whitespace().filter(|word| word.starts_with("--")) {
        let error = run(&format!("{word} 0")).err().unwrap_or_default();
        assert!(!error.contains("invalid option"), "{word} is in the help, but unknown");
    }
    assert!(run("--no-such-option 0").is_err_and(|error| error.contains("invalid option")));
}
