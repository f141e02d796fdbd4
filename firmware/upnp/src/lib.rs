//! The UPnP protocols without I/O: SSDP, description, SOAP, GENA, LastChange, DIDL-Lite.
