//! The program's life: what is started, in which order, and how it ends.

use std::cell::{Cell, RefCell};
use std::fs;
use std::future::Future;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result};
use sandbox::player::{Confined, Policy};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::unbounded_channel;
use tokio::task::{LocalSet, spawn_local};
use tracing::{debug, error, info, warn};
use upnp::description::{self, Device, Icon};
use upnp::ssdp::{Announcer, server_token};

use crate::cli::Options;
use crate::counters::Counters;
use crate::diagnostics::Diagnostics;
use crate::http::App;
use crate::net::Discovery;
use crate::playback::{self, Output};
use crate::renderer::{self, Facts, Renderer};
use crate::{http, identity};

/// What a part that failed waits before it is started again.
const RESTART: Duration = Duration::from_millis(200);
/// How long the music has to fade at the end.
const FADE: Duration = Duration::from_millis(300);

/// Runs until SIGTERM or SIGINT.
pub(crate) fn run(options: &Options) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("the runtime")?;
    LocalSet::new().block_on(&runtime, live(options))
}

async fn live(options: &Options) -> Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM can't be handled")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT can't be handled")?;
    let root = Path::new("/");
    let uuid = options.uuid.unwrap_or_else(|| identity::find(&options.state_dir, root));
    let listener = TcpListener::bind(options.listen).await;
    let listener = listener.map_err(|error| {
        let problem = format!("HTTP can't be served on {}{}", options.listen, listen_hint(error.kind()));
        anyhow::Error::new(error).context(problem)
    })?;
    let port = listener.local_addr().context("the HTTP server's port")?.port();

    let device = device(&options.name, options.room.as_deref(), &uuid.to_string());
    let server = server_token(&proc_text("sys/kernel/osrelease"), env!("CARGO_PKG_VERSION"));
    let announcer = Announcer {
        uuid: uuid.to_string(),
        server: server.clone(),
        boot_id: boot_id(),
        config_id: description::config_id(&device),
    };

    let isolated = fs::read_to_string("/sys/devices/system/cpu/isolated").unwrap_or_default().trim().to_owned();
    let is_first_start = identity::is_first_start(&options.state_dir, root);
    // Here, as there is one thread yet, and nobody has been listened to.
    let confined = confine(options)?;

    let (reports, news) = unbounded_channel();
    let output = Arc::new(Output::new(reports, options.dop, options.resample, options.replay_gain, options.dac_wait));
    playback::start_link(options.engine.clone(), Arc::clone(&output)).context("no thread for the engine's link")?;
    let facts = Facts {
        name: options.name.clone(),
        room: options.room.clone(),
        udn: format!("uuid:{uuid}"),
        kernel: proc_text("version"),
        isolated,
        confined,
    };
    let renderer = Rc::new(RefCell::new(Renderer::new(Arc::clone(&output), options.volume, facts)));
    let boot_to_ssdp = Rc::new(Cell::new(None));
    let networks = Rc::new(RefCell::new(Vec::new()));
    let counters = Rc::new(Counters::default());
    let discovery = Rc::new(Discovery::new(
        options.interfaces.clone(),
        (listening_on(options.listen), port),
        announcer,
        Rc::clone(&networks),
        (Rc::clone(&boot_to_ssdp), Rc::clone(&counters)),
        is_first_start,
    ));
    let app = Rc::new(App {
        renderer: Rc::clone(&renderer),
        description: description::device(&device),
        server,
        networks,
        boot_to_ssdp,
        discovery: Rc::clone(&discovery),
        counters,
        diagnostics: Diagnostics::new(options.run_dir.clone(), options.log_dir.clone()),
        started: Instant::now(),
    });

    let news = Rc::new(tokio::sync::Mutex::new(news));
    keep_alive("renderer", {
        let renderer = Rc::clone(&renderer);
        move || renderer::drive(Rc::clone(&renderer), Rc::clone(&news))
    });
    let listener = Rc::new(listener);
    keep_alive("HTTP server", move || http::serve(Rc::clone(&listener), Rc::clone(&app)));
    let ready = discovery.first();
    keep_alive("discovery", {
        let discovery = Rc::clone(&discovery);
        move || Rc::clone(&discovery).run()
    });
    info!("{} serves HTTP on port {port}", options.name);
    if let Some(path) = options.ready_file.clone() {
        spawn_local(tell_ready(path, ready, format!("uuid:{uuid}")));
    }

    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    info!("ending");
    renderer.borrow_mut().shut_down();
    discovery.leave().await;
    let faded = async {
        while !renderer.borrow().is_silent() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    // An engine that doesn't answer fades by itself when we are gone.
    let _ = tokio::time::timeout(FADE, faded).await;
    Ok(())
}

/// Has the kernel keep this process to what it needs from here on, and says how far it does.
fn confine(options: &Options) -> Result<Confined> {
    let engine = options.engine.parent().filter(|directory| !directory.as_os_str().is_empty());
    let policy = Policy {
        state_dir: options.state_dir.clone(),
        read: vec![options.run_dir.clone(), options.log_dir.clone()],
        sockets: vec![options.run_dir.clone(), engine.unwrap_or(Path::new(".")).to_owned()],
        ready_file: options.ready_file.clone(),
    };
    let confined = policy.confine(options.confine)?;
    for missing in &confined.missing {
        warn!("not wholly confined: {missing}");
    }
    if let Some(version) = confined.landlock {
        debug!("confined: files by version {version} of Landlock, system calls by a list");
    }
    Ok(confined)
}

/// Runs a part of the program, and again when it fails.
fn keep_alive<F: Future<Output = ()> + 'static>(name: &'static str, start: impl Fn() -> F + 'static) {
    spawn_local(async move {
        while let Err(failure) = spawn_local(start()).await {
            error!("the {name} failed and is started again: {failure}");
            tokio::time::sleep(RESTART).await;
        }
    });
}

/// Writes the ready file as soon as the renderer is announced.
async fn tell_ready(
    path: std::path::PathBuf,
    mut first: tokio::sync::watch::Receiver<Option<crate::net::Place>>,
    udn: String,
) {
    let Ok(place) = first.wait_for(Option::is_some).await.map(|place| (*place).clone()) else { return };
    let Some(place) = place else { return };
    let line = serde_json::json!({ "location": place.location, "page": place.page, "udn": udn });
    if let Err(error) = write_whole(&path, &format!("{line}\n")) {
        warn!("the ready file {} can't be written: {error}", path.display());
    }
}

/// What an owner can do about an address that can't be listened on.
fn listen_hint(problem: ErrorKind) -> &'static str {
    match problem {
        ErrorKind::AddrInUse => ": choose another port with --listen, or end what has it",
        ErrorKind::AddrNotAvailable => ": give --listen an address that this machine has, or 0.0.0.0 for all of them",
        ErrorKind::PermissionDenied => {
            ": choose a port from 1024 on with --listen, or start it with the right to use this one"
        }
        _ => "",
    }
}

/// Whoever waits for the file never sees half of it.
fn write_whole(path: &Path, text: &str) -> std::io::Result<()> {
    let mut partial = path.as_os_str().to_owned();
    partial.push(".partial");
    fs::write(&partial, text)?;
    fs::rename(&partial, path)
}

fn device(name: &str, room: Option<&str>, uuid: &str) -> Device {
    Device {
        uuid: uuid.to_owned(),
        friendly_name: name.to_owned(),
        manufacturer: "Tenuto".to_owned(),
        manufacturer_url: String::new(),
        model_description: "Bit-perfect UPnP renderer".to_owned(),
        model_name: "Tenuto".to_owned(),
        model_number: env!("CARGO_PKG_VERSION").to_owned(),
        serial_number: String::new(),
        presentation_url: "/".to_owned(),
        room: room.unwrap_or_default().to_owned(),
        icons: vec![Icon { mime: "image/png", width: 120, height: 120, depth: 24, url: "/icon.png".to_owned() }],
    }
}

/// The one address that is listened on, unless it is all of them.
fn listening_on(listen: SocketAddrV4) -> Option<Ipv4Addr> {
    Some(*listen.ip()).filter(|address| !address.is_unspecified())
}

/// Greater at each start, as long as the clock doesn't go back.
fn boot_id() -> u32 {
    let seconds = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_secs());
    u32::try_from(seconds & 0x7fff_ffff).unwrap_or(0)
}

fn proc_text(name: &str) -> String {
    fs::read_to_string(Path::new("/proc").join(name)).unwrap_or_default().trim().to_owned()
}
