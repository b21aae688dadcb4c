create table sites (
  name       text primary key,
  address    text not null,
  uid        text not null,
  created_at integer not null
) strict;

create table nodes (
  name       text primary key,
  uid        text not null,
  generation integer not null check (generation >= 1),
  site       text not null references sites (name),
  cordoned   integer not null check (cordoned in (0, 1)),
  labels     text not null check (json_type(labels) = 'object'),
  created_at integer not null
) strict;

-- Content-addressed and kept for ever: they outlive their fleet, so there is no reference to it.
create table revisions (
  fleet       text not null,
  name        text not null,
  number      integer not null check (number >= 1),
  uid         text not null,
  environment text not null check (json_valid(environment)),
  created_at  integer not null,
  primary key (fleet, name),
  unique (fleet, uid),
  unique (fleet, number)
) strict;

create table fleets (
  name       text primary key,
  uid        text not null unique,
  generation integer not null check (generation >= 1),
  labels     text not null check (json_type(labels) = 'object'),
  spec       text not null check (json_valid(spec)),
  revision   text not null,
  created_at integer not null,
  foreign key (name, revision) references revisions (fleet, name)
) strict;

-- Numbered within the fleet's name, so that a fleet that is made again never reuses the number of an old rollout.
create table rollouts (
  fleet         text not null,
  number        integer not null check (number >= 1),
  fleet_uid     text not null,
  from_revision text not null,
  to_revision   text not null,
  phase         integer not null check (phase between 1 and 4),
  started_at    integer not null,
  ended_at      integer check ((ended_at is not null) = (phase in (3, 4))),
  message       text not null,
  primary key (fleet, number),
  foreign key (fleet, to_revision) references revisions (fleet, name)
) strict;

create unique index rollouts_open on rollouts (fleet) where phase in (1, 2);

create table node_failures (
  fleet_uid text not null,
  node      text not null,
  revision  text not null,
  reason    text not null,
  failed_at integer not null,
  primary key (fleet_uid, revision, node)
) strict, without rowid;

create table events (
  number   integer primary key,
  time     integer not null,
  reason   text not null,
  severity integer not null check (severity between 1 and 4),
  actor    text not null check (actor <> ''),
  fleet    text not null,
  node     text not null,
  unit     text not null,
  message  text not null
) strict;

create index events_of_node on events (node, number) where node <> '';
create index events_of_fleet on events (fleet, number) where fleet <> '';

create trigger events_number_has_no_gap before insert on events
when new.number <> (select coalesce(max(number), 0) + 1 from events)
begin select raise(abort, 'an event number leaves a gap'); end;
create trigger events_are_not_changed before update on events begin select raise(abort, 'events are append-only'); end;
create trigger events_are_not_deleted before delete on events begin select raise(abort, 'events are append-only'); end;
create trigger revisions_are_not_changed before update on revisions begin select raise(abort, 'revisions are immutable'); end;
create trigger revisions_are_not_deleted before delete on revisions begin select raise(abort, 'revisions are immutable'); end;
