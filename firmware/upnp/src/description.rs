//! The device description and the services' descriptions (UDA section 2).
mod scpd;

pub use scpd::scpd;

use crate::service::Service;
use crate::xml::{Writer, escape};

/// The device type. Version 1: some control points look for just that.
pub const DEVICE_TYPE: &str = "urn:schemas-upnp-org:device:MediaRenderer:1";

/// `Content-Type` of the descriptions.
pub const CONTENT_TYPE: &str = "text/xml; charset=\"utf-8\"";

/// UDA section 2.3: friendlyName should be shorter than 64 characters.
const MAX_NAME: usize = 63;

/// What the description says of this device.
#[derive(Debug, Clone)]
pub struct Device {
    /// The device's UUID without `uuid:`, stable over restarts and updates.
    pub uuid: String,
    /// The name that control points show; cut to 63 characters.
    pub friendly_name: String,
    /// Who makes it.
    pub manufacturer: String,
    /// Web address of the maker; left out when empty.
    pub manufacturer_url: String,
    /// What it is, in a sentence.
    pub model_description: String,
    /// The product's name.
    pub model_name: String,
    /// The product's version.
    pub model_number: String,
    /// The machine's serial number; left out when empty.
    pub serial_number: String,
    /// Address of the page for the owner: absolute, or relative to the description.
    pub presentation_url: String,
    /// The room that it is in, as a vendor's element (UDA section 2.3), since no standard has one; left out when empty.
    pub room: String,
    /// Pictures of the device; may be none.
    pub icons: Vec<Icon>,
}

/// A picture of the device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Icon {
    /// `image/png` or `image/jpeg`.
    pub mime: &'static str,
    /// Pixels from left to right.
    pub width: u32,
    /// Pixels from top to bottom.
    pub height: u32,
    /// Bits a pixel.
    pub depth: u32,
    /// Address: absolute, or relative to the description.
    pub url: String,
}

/// The device description.
pub fn device(device: &Device) -> String {
    let body = device_element(device);
    let id = config_id(device).to_string();
    let mut xml = Writer::document();
    xml.open("root", &[("xmlns", "urn:schemas-upnp-org:device-1-0"), ("configId", &id)]);
    xml.raw(&body).close("root");
    xml.finish()
}

/// The number that changes when a description does, for `CONFIGID.UPNP.ORG`: 0 … 16 777 215 (UDA section 2.1).
///
/// A hash of the descriptions (32-bit FNV-1a, folded to 24 bits), so it needs no storage.
pub fn config_id(device: &Device) -> u32 {
    let services = Service::ALL.map(scpd);
    let texts = std::iter::once(device_element(device)).chain(services);
    let hash = texts.fold(0x811C_9DC5_u32, |hash, text| {
        text.bytes().fold(hash, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
    });
    (hash >> 24) ^ (hash & 0x00FF_FFFF)
}

fn device_element(device: &Device) -> String {
    let name: String = device.friendly_name.chars().take(MAX_NAME).collect();
    let mut xml = Writer::fragment();
    // version 1.1 of the architecture: BOOTID and CONFIGID are sent
    xml.open("specVersion", &[]).leaf("major", "1").leaf("minor", "1").close("specVersion");
    xml.open("device", &[]);
    xml.leaf("deviceType", DEVICE_TYPE);
    xml.leaf("friendlyName", &name);
    xml.leaf("manufacturer", &device.manufacturer);
    xml.optional("manufacturerURL", &device.manufacturer_url);
    xml.leaf("modelDescription", &device.model_description);
    xml.leaf("modelName", &device.model_name);
    xml.leaf("modelNumber", &device.model_number);
    xml.optional("serialNumber", &device.serial_number);
    xml.leaf("UDN", &format!("uuid:{}", device.uuid));
    xml.open("dlna:X_DLNADOC", &[("xmlns:dlna", "urn:schemas-dlna-org:device-1-0")]);
    xml.raw("DMR-1.50").close("dlna:X_DLNADOC");
    if !device.room.is_empty() {
        xml.open("tenuto:X_room", &[("xmlns:tenuto", "urn:tenuto:device-1-0")]);
        xml.raw(&escape(&device.room)).close("tenuto:X_room");
    }
    if !device.icons.is_empty() {
        xml.open("iconList", &[]);
        for icon in &device.icons {
            xml.open("icon", &[]).leaf("mimetype", icon.mime);
            xml.leaf("width", &icon.width.to_string()).leaf("height", &icon.height.to_string());
            xml.leaf("depth", &icon.depth.to_string()).leaf("url", &icon.url).close("icon");
        }
        xml.close("iconList");
    }
    xml.open("serviceList", &[]);
    for service in Service::ALL {
        let spec = service.spec();
        xml.open("service", &[]).leaf("serviceType", spec.service_type).leaf("serviceId", spec.service_id);
        xml.leaf("SCPDURL", spec.scpd_path).leaf("controlURL", spec.control_path);
        xml.leaf("eventSubURL", spec.event_path).close("service");
    }
    xml.close("serviceList");
    xml.leaf("presentationURL", &device.presentation_url);
    xml.close("device");
    xml.finish()
}

#[cfg(test)]
mod tests;
