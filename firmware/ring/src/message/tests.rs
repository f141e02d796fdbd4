use super::*;
use proptest::prelude::*;

fn wires() -> impl Strategy<Value = Wire> {
    (0..WireFormat::ALL.len(), 1..=u32::MAX, 1..=8u16).prop_map(|(format, rate, channels)| Wire {
        format: WireFormat::ALL[format],
        rate,
        channels,
    })
}

fn volumes() -> impl Strategy<Value = Volume> {
    let mode = prop_oneof![Just(VolumeMode::Fixed), Just(VolumeMode::Hardware), Just(VolumeMode::Software)];
    (mode, 0..=100u8, any::<bool>()).prop_map(|(mode, percent, mute)| Volume { mode, percent, mute })
}

fn requests() -> impl Strategy<Value = Request> {
    prop_oneof![
        any::<u32>().prop_map(|version| Request::Hello { version }),
        (wires(), any::<bool>()).prop_map(|(wire, unscaled)| Request::Open { wire, unscaled }),
        Just(Request::Close),
        volumes().prop_map(Request::Volume),
    ]
}

fn from_engine() -> impl Strategy<Value = FromEngine> {
    prop_oneof![
        Just(FromEngine::Reply(Reply::Welcome)),
        (1..=u32::MAX, wires(), any::<u32>()).prop_map(|(epoch, wire, ring_frames)| FromEngine::Reply(Reply::Opened(
            Stream { epoch, wire, ring_frames }
        ))),
        Just(FromEngine::Reply(Reply::Closed)),
        volumes().prop_map(|volume| FromEngine::Reply(Reply::VolumeSet(volume))),
        (0..Refused::ALL.len(), ".{0,40}")
            .prop_map(|(n, text)| FromEngine::Reply(Reply::Refused { code: Refused::ALL[n], text })),
        Just(FromEngine::Event(Event::CapsChanged)),
        ".{0,40}".prop_map(|text| FromEngine::Event(Event::OutputLost { text })),
        Just(FromEngine::Event(Event::OutputBack)),
    ]
}

proptest! {
    #[test]
    fn requests_survive(request in requests()) {
        prop_assert_eq!(Request::decode(&request.encode()), Ok(request));
    }

    #[test]
    fn the_engines_messages_survive(message in from_engine()) {
        prop_assert_eq!(FromEngine::decode(&message.encode()), Ok(message));
    }

    #[test]
    fn what_decodes_encodes_to_the_same_bytes(mut bytes in prop::collection::vec(prop_oneof![9 => Just(0u8), 1 => any::<u8>()], BYTES), kind in prop_oneof![0..6u8, 100..107u8, 200..205u8]) {
        bytes[0] = kind;
        if let Ok(request) = Request::decode(&bytes) {
            prop_assert_eq!(&request.encode()[..], &bytes[..]);
        }
        if let Ok(message) = FromEngine::decode(&bytes) {
            prop_assert_eq!(&message.encode()[..], &bytes[..]);
        }
    }

    #[test]
    fn garbage_is_an_error_or_a_message(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let _ = Request::decode(&bytes);
        let _ = FromEngine::decode(&bytes);
    }
}

#[test]
fn a_long_text_is_cut_to_fit() {
    let long = FromEngine::Reply(Reply::Refused { code: Refused::Output, text: "ü".repeat(500) });
    let Ok(FromEngine::Reply(Reply::Refused { text, .. })) = FromEngine::decode(&long.encode()) else {
        panic!("it decodes to the same kind");
    };
    assert_eq!(text, "ü".repeat(TEXT_BYTES / 2));
}

#[test]
fn values_out_of_range_are_named() {
    let cases: [(&[u32], DecodeError); 8] = [
        (&[9], DecodeError::Kind(9)),
        (&[2, 99, 48_000, 2], DecodeError::Field("format")),
        (&[2, 1, 0, 2], DecodeError::Field("rate")),
        (&[2, 1, 48_000, 9], DecodeError::Field("channel count")),
        (&[2, 1, 48_000, 2, 2], DecodeError::Field("scaling")),
        (&[4, 2, 101, 0], DecodeError::Field("volume")),
        (&[4, 3, 100, 0], DecodeError::Field("volume mode")),
        (&[3, 1], DecodeError::Trailing),
    ];
    for (words, error) in cases {
        let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        bytes.resize(BYTES, 0);
        assert_eq!(Request::decode(&bytes), Err(error));
    }
    assert_eq!(Request::decode(&[0; 12]), Err(DecodeError::Length(12)));
}
