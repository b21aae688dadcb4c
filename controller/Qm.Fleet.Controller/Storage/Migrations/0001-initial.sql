-- Times are microseconds since 1970 UTC. Specs are the API's JSON, read back through the same checks as a request.
create table sites (
    name text not null primary key,
    address text not null
) strict;

create table nodes (
    name text not null primary key,
    uid text not null,
    site text not null references sites (name),
    labels text not null,
    cordoned integer not null,
    generation integer not null,
    created_at integer not null
) strict;

create table fleets (
    name text not null primary key,
    uid text not null,
    labels text not null,
    spec text not null,
    revision text not null,
    generation integer not null,
    created_at integer not null
) strict;

-- Immutable: rows are only added. They outlive their fleet, as the events do.
create table revisions (
    fleet text not null,
    sha256 text not null,
    number integer not null,
    environment text not null,
    created_at integer not null,
    primary key (fleet, sha256)
) strict;

create table rollouts (
    fleet text not null,
    number integer not null,
    from_revision text not null,
    to_revision text not null,
    phase integer not null,
    started_at integer not null,
    ended_at integer,
    message text not null,
    primary key (fleet, number)
) strict;

-- A revision that failed on a node is not tried there again.
create table node_failures (
    fleet_uid text not null,
    node text not null,
    revision text not null,
    reason text not null,
    failed_at integer not null,
    primary key (fleet_uid, node, revision)
) strict;

create table events (
    number integer not null primary key,
    time integer not null,
    reason text not null,
    severity integer not null,
    actor text not null,
    fleet text not null,
    node text not null,
    unit text not null,
    message text not null
) strict;

create index events_by_node on events (node, number) where node <> '';
create index events_by_fleet on events (fleet, number) where fleet <> '';
