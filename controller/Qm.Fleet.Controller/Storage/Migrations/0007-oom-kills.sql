-- Kills for memory that are in the event log, by what the node calls them: an agent extension that starts anew tells them again.
create table oom_kills (
    node text not null,
    boot_id text not null,
    record text not null,
    event integer not null,
    primary key (node, boot_id, record)
) strict;
create index oom_kills_by_event on oom_kills (node, event);
