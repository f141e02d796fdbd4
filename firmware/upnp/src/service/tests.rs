use std::collections::BTreeSet;

use super::*;

fn arguments(action: &Action) -> impl Iterator<Item = &'static Argument> {
    action.inputs.iter().chain(action.outputs)
}

#[test]
fn every_argument_has_a_published_variable_and_every_variable_a_use() {
    for service in Service::ALL {
        let spec = service.spec();
        let published: BTreeSet<_> = spec.variables.iter().map(|variable| variable.name).collect();
        assert_eq!(published.len(), spec.variables.len(), "a variable of {service:?} is there twice");
        let used: BTreeSet<_> = spec.actions.iter().flat_map(arguments).map(|a| a.variable.name).collect();
        assert!(used.is_subset(&published), "{service:?}: {:?}", used.difference(&published));
        let idle: Vec<_> = published.difference(&used).copied().collect();
        assert!(idle.is_empty() || idle == ["LastChange"], "{service:?}: {idle:?}");
    }
}

#[test]
fn argument_types_agree_with_the_published_variable() {
    for service in Service::ALL {
        for action in service.spec().actions {
            for argument in arguments(action) {
                let published = service.spec().variable(argument.variable.name).unwrap();
                assert_eq!(published.data_type, argument.variable.data_type, "{}", argument.name);
            }
        }
    }
}

#[test]
fn names_are_unique_and_paths_differ() {
    let mut paths = BTreeSet::new();
    for service in Service::ALL {
        let spec = service.spec();
        let names: BTreeSet<_> = spec.actions.iter().map(|action| action.name).collect();
        assert_eq!(names.len(), spec.actions.len());
        for action in spec.actions {
            let names: BTreeSet<_> = arguments(action).map(|argument| argument.name).collect();
            assert_eq!(names.len(), arguments(action).count(), "{}", action.name);
        }
        assert!([spec.scpd_path, spec.control_path, spec.event_path].iter().all(|path| paths.insert(*path)));
    }
}

#[test]
fn bounds_suit_their_types() {
    for variable in Service::ALL.iter().flat_map(|service| service.spec().variables) {
        let text = variable.data_type == DataType::String;
        match variable.allowed {
            Allowed::Any => {}
            Allowed::Values(values) => assert!(text && !values.is_empty(), "{}", variable.name),
            Allowed::Range { min, max, .. } => assert!(!text && min < max, "{}", variable.name),
            Allowed::Only(_) => assert!(!text, "{}", variable.name),
        }
    }
}

#[test]
fn required_actions_of_the_specifications_are_there() {
    let required = [
        (
            Service::AvTransport,
            "SetAVTransportURI GetMediaInfo GetTransportInfo GetPositionInfo GetDeviceCapabilities \
             GetTransportSettings Stop Play Seek Next Previous",
        ),
        (Service::RenderingControl, "ListPresets SelectPreset"),
        (Service::ConnectionManager, "GetProtocolInfo GetCurrentConnectionIDs GetCurrentConnectionInfo"),
    ];
    for (service, names) in required {
        for name in names.split_whitespace() {
            assert!(service.spec().action(name).is_some(), "{name}");
        }
    }
}

#[test]
fn r2_presets_exist() {
    let spec = Service::RenderingControl.spec();
    assert!(spec.action("ListPresets").is_some());
    let name = spec.action("SelectPreset").unwrap().inputs[1].variable;
    assert_eq!(name.parse("FactoryDefaults"), Ok(Value::Text("FactoryDefaults".into())));
    assert_eq!(name.parse("Loud").unwrap_err().error, error::rendering_control::INVALID_NAME);
}

#[test]
fn values_are_read_by_type_and_range() {
    let volume = Service::RenderingControl.spec().variable("Volume").unwrap();
    assert_eq!(volume.parse(" 42\n"), Ok(Value::Number(42)));
    for (text, code) in
        [("", 402), ("loud", 402), ("4.5", 402), ("101", 601), ("-1", 601), ("99999999999999999999", 402)]
    {
        assert_eq!(volume.parse(text).unwrap_err().error.code, code, "{text}");
    }
    let count = Service::AvTransport.spec().variable("RelativeCounterPosition").unwrap();
    assert_eq!(count.parse("-2147483648"), Ok(Value::Number(i64::from(i32::MIN))));
    assert_eq!(count.parse("2147483648").unwrap_err().error.code, 402);
    let mute = Service::RenderingControl.spec().variable("Mute").unwrap();
    for (text, want) in [("1", true), ("true", true), ("yes", true), ("0", false), ("false", false), ("no", false)] {
        assert_eq!(mute.parse(text), Ok(Value::Boolean(want)));
    }
    assert_eq!(mute.parse("maybe").unwrap_err().error.code, 402);
}
