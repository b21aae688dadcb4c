-- SQLite cannot widen a check: the table is made anew, with what a rollout knows beside its phase.
create table rollouts_next (
  fleet         text not null,
  number        integer not null check (number >= 1),
  fleet_uid     text not null,
  from_revision text not null,
  to_revision   text not null,
  phase         integer not null check (phase between 1 and 7),
  reason        text not null,
  batch         integer not null check (batch >= -1),
  batch_since   integer not null,
  stop_actor    text,
  stop_reason   text,
  stop_since    integer,
  forgiven      text not null check (json_type(forgiven) = 'array'),
  version       integer not null check (version >= 1),
  started_at    integer not null,
  ended_at      integer check ((ended_at is not null) = (phase in (3, 4, 6, 7))),
  message       text not null,
  primary key (fleet, number),
  foreign key (fleet, to_revision) references revisions (fleet, name)
) strict;

insert into rollouts_next
select fleet, number, fleet_uid, from_revision, to_revision, phase, '', -1, started_at, null, null, null, '[]', 1, started_at, ended_at, message from rollouts;

drop table rollouts;
alter table rollouts_next rename to rollouts;
create unique index rollouts_open on rollouts (fleet) where phase in (1, 2, 5);

create table rollout_members (
  fleet         text not null,
  number        integer not null,
  node          text not null,
  state         integer not null check (state between 1 and 8),
  since         integer not null,
  base          text not null,
  batch         integer check (batch >= 0),
  failure       text not null,
  oom_kills     integer not null,
  restarts      integer not null,
  healthy_since integer,
  primary key (fleet, number, node),
  foreign key (fleet, number) references rollouts (fleet, number)
) strict, without rowid;
