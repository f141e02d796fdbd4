//! A service's description, made from its table (UDA section 2.5).
use crate::service::{Action, Allowed, Argument, Eventing, Service, Variable};
use crate::xml::Writer;

/// The SCPD of a service.
pub fn scpd(service: Service) -> String {
    let spec = service.spec();
    let mut xml = Writer::document();
    xml.open("scpd", &[("xmlns", "urn:schemas-upnp-org:service-1-0")]);
    xml.open("specVersion", &[]).leaf("major", "1").leaf("minor", "0").close("specVersion");
    xml.open("actionList", &[]);
    for entry in spec.actions {
        action(&mut xml, entry);
    }
    xml.close("actionList").open("serviceStateTable", &[]);
    for entry in spec.variables {
        variable(&mut xml, entry);
    }
    xml.close("serviceStateTable").close("scpd");
    xml.finish()
}

fn action(xml: &mut Writer, action: &Action) {
    xml.open("action", &[]).leaf("name", action.name).open("argumentList", &[]);
    for input in action.inputs {
        argument(xml, input, "in");
    }
    for output in action.outputs {
        argument(xml, output, "out");
    }
    xml.close("argumentList").close("action");
}

fn argument(xml: &mut Writer, argument: &Argument, direction: &str) {
    xml.open("argument", &[]).leaf("name", argument.name).leaf("direction", direction);
    xml.leaf("relatedStateVariable", argument.variable.name).close("argument");
}

fn variable(xml: &mut Writer, variable: &Variable) {
    // what travels inside LastChange isn't evented by itself
    let events = if variable.eventing == Eventing::Property { "yes" } else { "no" };
    xml.open("stateVariable", &[("sendEvents", events)]);
    xml.leaf("name", variable.name).leaf("dataType", variable.data_type.name());
    match variable.allowed {
        Allowed::Any | Allowed::Only(_) => {}
        Allowed::Values(values) => {
            xml.open("allowedValueList", &[]);
            for value in values {
                xml.leaf("allowedValue", value);
            }
            xml.close("allowedValueList");
        }
        Allowed::Range { min, max, step } => {
            xml.open("allowedValueRange", &[]);
            xml.leaf("minimum", &min.to_string()).leaf("maximum", &max.to_string());
            if let Some(step) = step {
                xml.leaf("step", &step.to_string());
            }
            xml.close("allowedValueRange");
        }
    }
    xml.close("stateVariable");
}
