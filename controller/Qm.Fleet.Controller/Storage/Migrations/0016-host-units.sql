-- Units outside QM that people may reach: listed by an administrator, by exact name.
create table host_units (
  unit       text primary key,
  reason     text not null check (reason <> ''),
  selector   text not null,
  created_at integer not null,
  created_by text not null
) strict;

alter table operations add column on_host integer not null default 0 check (on_host in (0, 1));
