//! Server-sent events: the present state of what a page shows, whenever it changes.
//!
//! Changes are collected for a quarter of a second and then read once, so a busy run costs one query, not one an
//! update. After a reconnect the page fetches again; only events of runs carry numbers to resume by.

use std::{
    collections::{BTreeMap, HashSet},
    convert::Infallible,
    time::Duration,
};

use axum::{
    extract::State,
    http::HeaderValue,
    response::{
        IntoResponse, Response,
        sse::{Event, Sse},
    },
};
use holdfast_protocol::{Time, api::session::Role, errors::ErrorCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::{
    sync::{broadcast::error::RecvError, mpsc},
    time::{Instant, interval},
};
use tokio_stream::wrappers::ReceiverStream;
use tower_sessions::Session;
use uuid::Uuid;

use crate::{
    app::{App, now},
    auth::{Caller, caller::by_session},
    db,
    extract::Params,
    live::{Change, What, streams::StreamPlace},
    problem::{ApiError, ApiResult},
    view::{self, catalog::Catalog},
};

/// Time in which changes are collected.
const COLLECT: Duration = Duration::from_millis(250);

/// The start page is computed no faster than this.
const OVERVIEW_PAUSE: Duration = Duration::from_secs(1);

/// Time between two pings.
const PING: Duration = Duration::from_secs(15);

/// Time between two looks at the caller's rights.
const AUTHORIZE: Duration = Duration::from_secs(60);

/// A page that takes no message for so long is given up.
const STALLED: Duration = Duration::from_secs(30);

/// Most topics of one stream.
const MOST_TOPICS: usize = 50;

/// Parameters of the stream.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StreamParams {
    topics: Option<String>,
}

/// What a page listens to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Topic {
    Overview,
    Alerts,
    Channels,
    Agents,
    Vaults,
    Jobs,
    Points,
    Runs,
    Run(Uuid),
    Command(Uuid),
}

impl Topic {
    fn parse(text: &str) -> Option<Self> {
        let id = |text: &str| Uuid::parse_str(text).ok();
        match text {
            "overview" => Some(Self::Overview),
            "alerts" => Some(Self::Alerts),
            "notification-channels" => Some(Self::Channels),
            "agents" => Some(Self::Agents),
            "vaults" => Some(Self::Vaults),
            "jobs" => Some(Self::Jobs),
            "points" => Some(Self::Points),
            "runs" => Some(Self::Runs),
            _ => match text.split_once('/')? {
                ("runs", rest) => id(rest).map(Self::Run),
                ("commands", rest) => id(rest).map(Self::Command),
                _ => None,
            },
        }
    }

    fn name(self) -> String {
        match self {
            Self::Overview => "overview".to_owned(),
            Self::Alerts => "alerts".to_owned(),
            Self::Channels => "notification-channels".to_owned(),
            Self::Agents => "agents".to_owned(),
            Self::Vaults => "vaults".to_owned(),
            Self::Jobs => "jobs".to_owned(),
            Self::Points => "points".to_owned(),
            Self::Runs => "runs".to_owned(),
            Self::Run(id) => format!("runs/{id}"),
            Self::Command(id) => format!("commands/{id}"),
        }
    }
}

/// Something that is to be read and sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Dirty {
    Overview,
    Alerts,
    Agent(Uuid),
    Changed(Topic, Uuid),
    RunInList(Uuid),
    Run(Uuid),
    Command(Uuid),
}

/// The live stream.
#[utoipa::path(get, path = "/stream", tag = "stream",
    params(("topics" = String, Query,
        description = "By commas: overview, alerts, notification-channels, agents, vaults, jobs, points, runs, runs/<id>, commands/<id>.")),
    responses((status = 200, description = "Server-sent events.", content_type = "text/event-stream", body = String)))]
pub(crate) async fn stream(
    State(app): State<App>,
    session: Session,
    caller: Caller,
    Params(params): Params<StreamParams>,
) -> ApiResult<Response> {
    let mut topics = HashSet::new();
    for word in crate::extract::words(params.topics.as_deref()) {
        let topic = Topic::parse(&word).ok_or_else(|| {
            ApiError::from(ErrorCode::InvalidRequest).detail(format!("there is no topic {word}"))
        })?;
        topics.insert(topic);
    }
    if topics.is_empty() || topics.len() > MOST_TOPICS {
        return Err(ApiError::from(ErrorCode::InvalidRequest)
            .detail(format!("name 1 to {MOST_TOPICS} topics")));
    }
    for topic in &topics {
        // The answers of commands hold file names; whoever may not read them there may not here.
        if matches!(topic, Topic::Command(_)) && caller.role < Role::Operator {
            return Err(ErrorCode::Forbidden.into());
        }
        let known = match *topic {
            Topic::Run(id) => db::runs::find(app.db.reader(), caller.scope, id)
                .await?
                .is_some(),
            Topic::Command(id) => db::commands::find(app.db.reader(), caller.scope, id)
                .await?
                .is_some(),
            _ => true,
        };
        if !known {
            return Err(ErrorCode::NotFound.into());
        }
    }
    let place = caller
        .session_hash
        .as_deref()
        .and_then(|session| app.streams.open(session, caller.user.id))
        .ok_or(ErrorCode::TooManyStreams)?;
    let (sender, receiver) = mpsc::channel(64);
    let feed = Feed {
        app,
        session,
        caller,
        topics,
        sender,
        _place: place,
    };
    tokio::spawn(feed.run());
    let mut response = Sse::new(ReceiverStream::new(receiver)).into_response();
    // Proxies must not hold events back.
    response
        .headers_mut()
        .insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

type Item = Result<Event, Infallible>;

/// One open stream.
struct Feed {
    app: App,
    session: Session,
    caller: Caller,
    topics: HashSet<Topic>,
    sender: mpsc::Sender<Item>,
    _place: StreamPlace,
}

/// The page has gone.
struct Gone;

impl Feed {
    async fn run(self) {
        let mut changes = self.app.live.listen();
        let mut dirty: BTreeMap<Dirty, ()> = self.first();
        let mut collect = interval(COLLECT);
        let mut ping = interval(PING);
        let mut authorize = interval(AUTHORIZE);
        authorize.reset();
        let mut overview_at = Instant::now();
        loop {
            let sent = tokio::select! {
                () = self.app.stopping.cancelled() => return,
                () = self.sender.closed() => return,
                change = changes.recv() => match change {
                    Ok(change) => self.note(change, &mut dirty).await,
                    // Fallen behind: everything may have changed.
                    Err(RecvError::Lagged(_)) => { dirty.extend(self.first()); Ok(()) }
                    Err(RecvError::Closed) => return,
                },
                _ = collect.tick(), if !dirty.is_empty() => self.flush(&mut dirty, &mut overview_at).await,
                _ = ping.tick() => self.send("ping", &json!({ "time": Time::from_millis(now()) })).await,
                _ = authorize.tick() => if self.still_allowed().await { Ok(()) } else {
                    let _gone = self.send("end", &json!({ "reason": "signed_out" })).await;
                    return;
                },
            };
            if sent.is_err() {
                return;
            }
        }
    }

    /// What is sent at the beginning, and after messages were lost.
    fn first(&self) -> BTreeMap<Dirty, ()> {
        let states = self.topics.iter().filter_map(|topic| match *topic {
            Topic::Overview => Some(Dirty::Overview),
            Topic::Run(id) => Some(Dirty::Run(id)),
            Topic::Command(id) => Some(Dirty::Command(id)),
            _ => None,
        });
        states.map(|state| (state, ())).collect()
    }

    async fn still_allowed(&self) -> bool {
        let Some(hash) = &self.caller.session_hash else {
            return false;
        };
        let alive = db::sessions::load(self.app.db.reader(), hash, now()).await;
        let account = by_session(&self.app, &self.session).await;
        matches!(alive, Ok(Some(_)))
            && matches!(account, Ok(Some(caller)) if caller.role == self.caller.role)
    }

    fn listens(&self, topic: Topic) -> bool {
        self.topics.contains(&topic)
    }

    async fn note(&self, change: Change, dirty: &mut BTreeMap<Dirty, ()>) -> Result<(), Gone> {
        if change.tenant_id != self.caller.scope.tenant_id() {
            return Ok(());
        }
        let mut mark = |topic: Topic, what: Dirty| {
            if self.topics.contains(&topic) {
                dirty.insert(what, ());
            }
        };
        match change.what {
            What::Run { uuid, .. } => {
                mark(Topic::Overview, Dirty::Overview);
                mark(Topic::Runs, Dirty::RunInList(uuid));
                mark(Topic::Run(uuid), Dirty::Run(uuid));
            }
            What::RunEvent { uuid, event } => {
                if self.listens(Topic::Run(uuid)) {
                    return self
                        .send_topic("run_event", Topic::Run(uuid), &*event)
                        .await;
                }
            }
            What::Agent { uuid } => {
                mark(Topic::Overview, Dirty::Overview);
                mark(Topic::Agents, Dirty::Agent(uuid));
            }
            What::AgentDeleted { uuid } => {
                mark(Topic::Overview, Dirty::Overview);
                if self.listens(Topic::Agents) {
                    return self
                        .send_topic("agent_deleted", Topic::Agents, &json!({ "id": uuid }))
                        .await;
                }
            }
            What::Vault { uuid } => {
                mark(Topic::Overview, Dirty::Overview);
                mark(Topic::Vaults, Dirty::Changed(Topic::Vaults, uuid));
            }
            What::Job { uuid } => {
                mark(Topic::Overview, Dirty::Overview);
                mark(Topic::Jobs, Dirty::Changed(Topic::Jobs, uuid));
            }
            What::Points { vault } => {
                mark(Topic::Overview, Dirty::Overview);
                mark(Topic::Points, Dirty::Changed(Topic::Points, vault));
            }
            What::Channel { uuid } => {
                mark(Topic::Channels, Dirty::Changed(Topic::Channels, uuid));
            }
            What::Alerts => {
                mark(Topic::Overview, Dirty::Overview);
                mark(Topic::Alerts, Dirty::Alerts);
            }
            What::Command { uuid } => mark(Topic::Command(uuid), Dirty::Command(uuid)),
            What::CommandPartial { uuid, part } => {
                if self.listens(Topic::Command(uuid)) {
                    return self
                        .send_topic("command_partial", Topic::Command(uuid), &*part)
                        .await;
                }
            }
        }
        Ok(())
    }

    async fn flush(
        &self,
        dirty: &mut BTreeMap<Dirty, ()>,
        overview_at: &mut Instant,
    ) -> Result<(), Gone> {
        let mut later = BTreeMap::new();
        for what in std::mem::take(dirty).into_keys() {
            if what == Dirty::Overview {
                if Instant::now() < *overview_at {
                    later.insert(what, ());
                    continue;
                }
                *overview_at = Instant::now() + OVERVIEW_PAUSE;
            }
            match self.read(what).await {
                Ok(Some((event, topic, data))) => self.send_topic(event, topic, &data).await?,
                Ok(None) => {}
                Err(error) => tracing::warn!(
                    code = error.code().code(),
                    "a live message could not be read"
                ),
            }
        }
        *dirty = later;
        Ok(())
    }

    async fn read(&self, what: Dirty) -> ApiResult<Option<(&'static str, Topic, Value)>> {
        let (app, scope) = (&self.app, self.caller.scope);
        let conn = app.db.reader();
        Ok(match what {
            Dirty::Overview => {
                let overview = view::overview::overview(app, conn, &self.caller, None).await?;
                Some(("overview", Topic::Overview, serde_json::to_value(overview)?))
            }
            Dirty::Alerts => Some(("changed", Topic::Alerts, json!({}))),
            Dirty::Agent(uuid) => {
                let Some(row) = db::agents::find(conn, scope, uuid).await? else {
                    return Ok(None);
                };
                let catalog = Catalog::load(conn, scope).await?;
                let active = db::runs::active(conn, scope).await?;
                let agent = view::agents::agent(&catalog, &self.caller, &active, &row);
                Some(("agent", Topic::Agents, serde_json::to_value(agent)?))
            }
            Dirty::Changed(topic, uuid) => Some(("changed", topic, json!({ "id": uuid }))),
            Dirty::RunInList(uuid) => {
                let Some(row) = db::runs::find(conn, scope, uuid).await? else {
                    return Ok(None);
                };
                let catalog = Catalog::load(conn, scope).await?;
                let run = view::runs::summary(app, &catalog, &row)?;
                Some(("run", Topic::Runs, serde_json::to_value(run)?))
            }
            Dirty::Run(uuid) => {
                let Some(row) = db::runs::find(conn, scope, uuid).await? else {
                    return Ok(None);
                };
                let run = super::runs::shown(app, &self.caller, &row).await?;
                Some(("run", Topic::Run(uuid), serde_json::to_value(run)?))
            }
            Dirty::Command(uuid) => {
                let Some(row) = db::commands::find(conn, scope, uuid).await? else {
                    return Ok(None);
                };
                let command = view::commands::command::<Value>(app, &self.caller, row).await?;
                Some((
                    "command",
                    Topic::Command(uuid),
                    serde_json::to_value(command)?,
                ))
            }
        })
    }

    async fn send_topic(
        &self,
        event: &str,
        topic: Topic,
        data: &impl Serialize,
    ) -> Result<(), Gone> {
        self.send(event, &json!({ "topic": topic.name(), "data": data }))
            .await
    }

    async fn send(&self, event: &str, data: &Value) -> Result<(), Gone> {
        let event = Event::default().event(event).data(data.to_string());
        // A page that takes nothing for so long is gone, and would make the server keep messages for it.
        self.sender
            .send_timeout(Ok(event), STALLED)
            .await
            .map_err(|_| Gone)
    }
}

#[cfg(test)]
mod tests {
    use super::Topic;

    #[test]
    fn topics_read_back() {
        let id = uuid::Uuid::now_v7();
        for name in [
            "overview",
            "alerts",
            "notification-channels",
            "agents",
            "vaults",
            "jobs",
            "points",
            "runs",
            &format!("runs/{id}"),
            &format!("commands/{id}"),
        ] {
            assert_eq!(Topic::parse(name).map(Topic::name).as_deref(), Some(name));
        }
        for name in ["", "run", "runs/", "runs/7", "agents/x", "commands"] {
            assert_eq!(Topic::parse(name), None, "{name}");
        }
    }
}
